"""Configuration of restricted Boltzmann machines."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

import zoo
from zoo.config import Frozen


class SamplerConfig(Frozen):
    """Sampler of the negative phase: the model's samples in the gradient."""

    kind: Literal["cd", "pcd", "parallel_tempering"] = Field(
        "pcd",
        description="Contrastive divergence (CD-k), persistent contrastive divergence (PCD), or "
        "parallel tempering, for data with distant modes.",
    )
    steps: int = Field(
        1, ge=1, le=1_000, description="Gibbs steps per update: k of CD-k and PCD-k."
    )
    chains: int = Field(
        100, ge=1, le=65_536, description="Markov chains per temperature; unused by 'cd'."
    )
    temperatures: int = Field(
        10,
        ge=2,
        le=256,
        description="Temperatures of parallel tempering.",
    )


class SparsityConfig(Frozen):
    """Sparsity penalty on the hidden units."""

    weight: float = Field(
        0.0,
        ge=0,
        le=1e3,
        description="Weight of the cross-entropy of the target and each unit's mean activation "
        "(Lee, Ekanadham & Ng 2007; Hinton 2010, section 11).",
    )
    target: float = Field(0.1, gt=0, lt=1, description="Target mean activation.")


class LikelihoodConfig(Frozen):
    """Estimation of log Z: by enumeration, or by annealed importance sampling (AIS)."""

    exact_units: int = Field(
        20,
        ge=0,
        le=20,
        description="Most units on the smaller side to enumerate all states; 14 after an epoch.",
    )
    runs: int = Field(100, ge=2, le=65_536, description="AIS runs, the basis of the interval.")
    steps: int = Field(
        10_000, ge=1, le=1_000_000, description="AIS temperatures of the final estimate."
    )
    epoch_steps: int = Field(
        500, ge=1, le=1_000_000, description="AIS temperatures of the estimate after each epoch."
    )


class RBMOptimizerConfig(zoo.OptimizerConfig):
    """Optimizer and learning-rate schedule of restricted Boltzmann machines."""

    name: Literal["adam", "adamw", "sgd"] = Field(
        "sgd", description="SGD with momentum, Adam or AdamW."
    )
    learning_rate: float = Field(
        5e-3,
        gt=0,
        le=10,
        description="Peak learning rate at reference_batch_size.",
    )
    momentum: float = Field(0.5, ge=0, lt=1, description="Nesterov momentum of SGD.")
    schedule: Literal["constant", "cosine", "linear"] = Field(
        "linear", description="Decay after the warmup."
    )
    warmup: float = Field(0.0, ge=0, lt=1, description="Share of all steps for linear warmup.")


class RBMConfig(zoo.ModelConfig):
    """Configuration of a restricted Boltzmann machine."""

    hidden: int = Field(128, ge=1, le=65_536, description="Number of binary hidden units.")
    visible: Literal["auto", "binary", "gaussian"] = Field(
        "auto",
        description="Visible units: 'auto' is binary for images and Gaussian for tabular data.",
    )
    binarize: Literal["sample", "threshold"] = Field(
        "sample",
        description="Binarization of intensities in training: sampled with that probability each "
        "time, or thresholded at 0.5.",
    )
    classes: bool = Field(
        False,
        description="Model the class jointly, for conditional sampling and classification.",
    )
    sampler: SamplerConfig = Field(SamplerConfig(), description="Sampler of the negative phase.")
    sparsity: SparsityConfig = Field(SparsityConfig(), description="Sparsity penalty.")
    likelihood: LikelihoodConfig = Field(LikelihoodConfig(), description="Estimation of log Z.")
    learn_precision: bool = Field(
        True, description="Learn the precision of Gaussian visible units."
    )
    reference_batch_size: int = Field(
        10,
        ge=1,
        le=65_536,
        description="Batch size of the learning rate, which is scaled linearly with the actual one "
        "(SGD; Goyal et al. 2017, arXiv:1706.02677).",
    )
    mean_field_steps: int = Field(
        20, ge=1, le=200, description="Mean-field steps of the signature 'complete'."
    )
    optimizer: RBMOptimizerConfig = RBMOptimizerConfig()

    @model_validator(mode="after")
    def _check_classes(self) -> Self:
        if self.classes and self.visible == "gaussian":
            raise ValueError("classes=true needs binary visible units")
        return self
