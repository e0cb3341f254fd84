"""What a restricted Boltzmann machine is made of and how it learns, as checked data."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

import zoo
from zoo.config import Frozen


class RuleConfig(Frozen):
    """Where the states come from that the machine is compared with while it learns."""

    kind: Literal["contrastive", "persistent", "tempered"] = Field(
        "persistent",
        description="A few Gibbs steps from the data (CD-k), chains that go on from step to step "
        "(PCD), or such chains at several temperatures that swap states, for data with modes far "
        "apart.",
    )
    steps: int = Field(
        1, ge=1, le=1_000, description="Gibbs steps an update: k of CD-k and of PCD-k."
    )
    chains: int = Field(
        100, ge=1, le=65_536, description="Chains at each temperature; unused by 'contrastive'."
    )
    temperatures: int = Field(
        10, ge=2, le=256, description="Of 'tempered': inverse temperatures, evenly from 1 to 0."
    )


class SparsityConfig(Frozen):
    """What makes each hidden unit be on for a few examples only."""

    weight: float = Field(
        0.0,
        ge=0,
        le=1e3,
        description="Of the cross-entropy, in nats a hidden unit, between the target and the "
        "unit's mean over the batch (Lee, Ekanadham & Ng 2007; Hinton 2010, section 11).",
    )
    target: float = Field(0.1, gt=0, lt=1, description="Share of examples that a unit is on for.")


class LikelihoodConfig(Frozen):
    """How log Z is estimated: by enumeration where that is cheap, else by annealing."""

    exact_units: int = Field(
        20,
        ge=0,
        le=20,
        description="Up to this many units on the smaller side, every state is counted; after an "
        "epoch up to 14 of them.",
    )
    runs: int = Field(100, ge=2, le=65_536, description="Annealing runs; their spread is known.")
    steps: int = Field(
        10_000, ge=1, le=1_000_000, description="Temperatures of the estimate that is kept."
    )
    watch: int = Field(
        500, ge=1, le=1_000_000, description="Temperatures of the estimate after each epoch."
    )


class RBMOptimizerConfig(zoo.OptimizerConfig):
    """How the parameters follow their gradients."""

    name: Literal["adam", "adamw", "sgd"] = Field(
        "sgd", description="SGD with momentum, or Adam, or AdamW."
    )
    learning_rate: float = Field(
        5e-3, gt=0, le=10, description="Highest rate, of a batch of 10 examples: see rate_batch."
    )
    momentum: float = Field(0.5, ge=0, lt=1, description="Of SGD (Nesterov).")
    schedule: Literal["constant", "cosine", "linear"] = Field(
        "linear", description="From the highest rate to its end."
    )
    warmup: float = Field(
        0.0, ge=0, lt=1, description="Share of all steps over which the rate rises from 0."
    )


class RBMConfig(zoo.ModelConfig):
    """What a restricted Boltzmann machine is made of, and how it learns."""

    hidden: int = Field(128, ge=1, le=65_536, description="Binary hidden units.")
    visible: Literal["auto", "binary", "gaussian"] = Field(
        "auto",
        description="Kind of the visible units: 'auto' is binary for pictures and Gaussian for "
        "the columns of a table.",
    )
    binarize: Literal["sample", "threshold"] = Field(
        "sample",
        description="What a value between 0 and 1 becomes while binary units learn: 1 with that "
        "probability, drawn anew each time, or 1 from one half on.",
    )
    classes: bool = Field(
        False,
        description="Learn the class together with the rest: such a machine draws examples of a "
        "class, and tells the class of an example.",
    )
    rule: RuleConfig = RuleConfig()
    sparsity: SparsityConfig = SparsityConfig()
    likelihood: LikelihoodConfig = LikelihoodConfig()
    learn_precision: bool = Field(
        True, description="Of Gaussian units: learn each one's precision; else it stays 1."
    )
    rate_batch: int = Field(
        10,
        ge=1,
        le=65_536,
        description="Batch size, in examples, that the learning rate is meant for: a larger batch "
        "takes a step that is longer in proportion (SGD; Goyal et al. 2017, arXiv:1706.02677).",
    )
    completion_steps: int = Field(
        20, ge=1, le=200, description="Mean-field steps of the signature 'complete'."
    )
    optimizer: RBMOptimizerConfig = RBMOptimizerConfig()

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.classes and self.visible == "gaussian":
            raise ValueError("classes are learned together with binary visible units only")
        return self


__all__ = ["LikelihoodConfig", "RBMConfig", "RBMOptimizerConfig", "RuleConfig", "SparsityConfig"]
