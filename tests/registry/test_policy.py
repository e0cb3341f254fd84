"""Who may run, and who says so: variables, the user's file, a project's file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from zoo.errors import ConfigError
from zoo.registry.entrypoints import Provider
from zoo.registry.policy import (
    Policy,
    Settings,
    merge,
    read_policy,
    read_settings,
    settings_files,
)

NAMES = st.sampled_from(["neural-zoo", "zoo-a", "zoo-b", "zoo-c"])


def provider(distribution: str) -> Provider:
    return Provider("thing", "module:Thing", "zoo.hooks", distribution, "1.0", "/somewhere")


def may_run(policy: Policy, distribution: str) -> bool:
    return policy.refusal(provider(distribution)) is None


SETTINGS = st.builds(
    Settings,
    allow=st.none() | st.lists(NAMES, max_size=3).map(tuple),
    block=st.lists(NAMES, max_size=2).map(tuple),
    pins=st.dictionaries(st.sampled_from(["cnn", "lstm"]), NAMES, max_size=2),
    hook_failures=st.none() | st.sampled_from(["warn", "fail"]),
)


@given(SETTINGS, SETTINGS, NAMES)
def test_a_projects_file_never_lets_run_what_the_users_file_forbids(user, project, name):
    alone = merge(Settings(), {"user": user})
    both = merge(Settings(), {"user": user, "project": project})

    assert may_run(alone, name) or not may_run(both, name)
    assert both.hook_failures == "fail" or alone.hook_failures == "warn"
    for model, pin in alone.pins.items():
        assert both.pins[model] == pin


@given(SETTINGS, SETTINGS, NAMES)
def test_what_anybody_blocks_is_blocked_whatever_the_environment_says(environment, user, name):
    policy = merge(environment, {"user": user})
    for source in (environment, user):
        if name in source.block:
            assert not may_run(policy, name)


@given(SETTINGS, NAMES)
def test_the_environment_takes_the_place_of_the_files_word_by_word(environment, name):
    file = Settings(allow=("zoo-a",), pins={"cnn": "zoo-a", "lstm": "zoo-b"}, hook_failures="warn")
    policy = merge(environment, {"user": file})

    if environment.hook_failures is not None:
        assert policy.hook_failures == environment.hook_failures
    if environment.allow is not None:
        assert list(policy.allow) == ["ZOO_ALLOW"]
    for model, distribution in environment.pins.items():
        assert policy.pins[model].distribution == distribution


@given(st.binary(max_size=200))
def test_any_file_is_a_policy_or_a_typed_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("policy") / "zoo.toml"
    path.write_bytes(content)
    try:
        read_settings(path)
    except ConfigError as error:
        assert str(path) in error.what


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[plugins]\nalow = []", "the keys allow, block"),
        ("allow = ['zoo-a']", "unknown field"),
        ("[plugins]\nallow = 'zoo-a'", "plugins.allow"),
        ("[plugins]\nallow = ['zoo-a', 3]", "plugins.allow.1"),
        ("[plugins]\nallow = ['zoo-a>=1']", "names of distributions"),
        ("[plugins]\nallow = ['zoo-a==1.2']", "names of distributions"),
        ("[plugins]\nhook_failures = 'explode'", "'warn' or 'fail'"),
        ("[plugins.pins]\ncnn = 'zoo-a>=1'", "a name and its distribution"),
        ("[plugins.pins]\nCon = 'zoo-a'", "plugins.pins"),
        ("[plugins\n", "line 1"),
        ("\x00", "line 1"),
        (b"\xff", "utf-8"),
        ("x" * (2**20 + 1), "more than"),
    ],
)
def test_a_wrong_file_is_refused_with_the_file_the_key_and_what_is_allowed(
    tmp_path, text, complaint
):
    path = tmp_path / "zoo.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())

    with pytest.raises(ConfigError) as caught:
        read_settings(path)

    assert str(path) in caught.value.what
    assert complaint in caught.value.why
    assert "ZOO_CONFIG=" in caught.value.fix


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"ZOO_PIN": "cnn"}, "a name and its distribution"),
        ({"ZOO_PIN": "../x=zoo-a"}, "a name and its distribution"),
        ({"ZOO_ALLOW": "zoo-a,zoo b"}, "names of distributions"),
        ({"ZOO_BLOCK": "zoo-a>1"}, "names of distributions"),
        ({"ZOO_HOOK_FAILURES": "maybe"}, "'warn' or 'fail'"),
        ({"ZOO_CONFIG": "no/such/zoo.toml"}, "No such file"),
    ],
)
def test_a_wrong_variable_is_refused_with_its_name(variables, complaint):
    with pytest.raises(ConfigError) as caught:
        read_policy(variables)
    assert next(iter(variables)) in str(caught.value)
    assert complaint in caught.value.why


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_users_file_and_the_projects_are_found_and_add_up(tmp_path):
    user = write(
        tmp_path / "home/.config/zoo/zoo.toml",
        "[plugins]\nblock = ['zoo-a']\npins = {cnn = 'neural-zoo'}\nallow = ['zoo-b', 'zoo-c']",
    )
    project = write(
        tmp_path / "work/zoo.toml",
        "[plugins]\nblock = []\nallow = ['zoo-a', 'zoo-b']\npins = {cnn = 'zoo-b', lstm = 'zoo-b'}",
    )
    below = tmp_path / "work/deep/below"
    below.mkdir(parents=True)
    variables = {"HOME": str(tmp_path / "home")}

    assert settings_files(variables, cwd=below) == [user]
    (tmp_path / "work/.git").mkdir()
    assert settings_files(variables, cwd=below) == [user, project]
    policy = read_policy(variables, cwd=below)
    assert policy.sources == (str(user), str(project))
    allowed = {name: may_run(policy, name) for name in ("zoo-a", "zoo-b", "zoo-c")}
    assert allowed == {"zoo-a": False, "zoo-b": True, "zoo-c": False}
    assert str(user) in (policy.refusal(provider("zoo-a")) or "")
    assert str(project) in (policy.refusal(provider("zoo-c")) or "")
    pinned = {name: pin.distribution for name, pin in policy.pins.items()}
    assert pinned == {"cnn": "neural-zoo", "lstm": "zoo-b"}


def test_a_file_beyond_the_repository_is_not_the_projects(tmp_path):
    write(tmp_path / "zoo.toml", "nonsense")
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)

    assert settings_files({}, cwd=repository) == []
    assert settings_files({}, cwd=tmp_path / "elsewhere") == []


def test_one_file_can_be_named_instead_of_both_and_none_as_well(tmp_path):
    write(tmp_path / "config/zoo/zoo.toml", "[plugins]\nblock = ['zoo-a']")
    chosen = write(tmp_path / "ci.toml", "[plugins]\nhook_failures = 'fail'")
    variables = {"XDG_CONFIG_HOME": str(tmp_path / "config")}

    assert not may_run(read_policy(variables, cwd=tmp_path), "zoo-a")
    named = read_policy({**variables, "ZOO_CONFIG": str(chosen)}, cwd=tmp_path)
    assert may_run(named, "zoo-a")
    assert named.hook_failures == "fail"
    none = read_policy({**variables, "ZOO_CONFIG": ""}, cwd=tmp_path)
    assert (none.sources, none.hook_failures) == ((), "warn")


def test_a_users_file_that_cannot_be_read_is_an_error_and_never_no_policy(tmp_path):
    (tmp_path / "zoo/zoo.toml").mkdir(parents=True)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_policy({"XDG_CONFIG_HOME": str(tmp_path)}, cwd=tmp_path)
