"""The zoo's own architectures pass every check of the kit."""

from __future__ import annotations

import pytest

import zoo
from zoo import testing
from zoo.api.catalog import registry

OURS = [listing.name for listing in registry().listings() if listing.distribution == "neural-zoo"]


# Each trains and exports many times; test_kit.py has one in the fast tier.
@pytest.mark.slow
@pytest.mark.parametrize("name", OURS)
def test_every_architecture_of_the_zoo_is_gold(name):
    report = testing.check_plugin(name)

    assert report.ok, "\n".join(f"{result.id}: {result.reason}" for result in report.failures)
    assert report.level == "gold"
    assert report.plugin.distribution == "neural-zoo"


def test_there_are_nine_of_them():
    assert len(OURS) == 9


@pytest.mark.parametrize("name", OURS)
def test_the_first_example_is_small_and_the_others_are_other_configurations(name):
    architecture = registry().get(name)
    spec = zoo.dataset(architecture.default_dataset).spec
    first, *others = architecture.test_configs(spec)

    # Of a captioner, whose patches of 16 pixels alone have 12,288 weights.
    most = 22_000
    assert zoo.build(name, data=spec, **first.config.model_dump()).count_params() < most
    assert others
    assert all(other.config != first.config for other in others)
