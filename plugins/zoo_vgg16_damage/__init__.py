"""Image classifiers of damage: a small CNN from scratch, or transfer learning."""

import zoo_vgg16_damage.scores  # noqa: F401 - registers its scores
from zoo_vgg16_damage.architecture import VGG16Damage
from zoo_vgg16_damage.config import FineTuneConfig, HeadConfig, VGG16DamageConfig

__all__ = ["FineTuneConfig", "HeadConfig", "VGG16Damage", "VGG16DamageConfig"]
