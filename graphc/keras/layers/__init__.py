"""keras.layers: what models are made of.

Convolution, pooling, recurrent and attention layers are not there yet; asking for one says so.
"""

from __future__ import annotations

import sys
from typing import Any

from graphc.keras.layers.activation_layers import ELU, LeakyReLU, PReLU, ReLU, Softmax
from graphc.keras.layers.core import (
    Activation,
    Dense,
    Embedding,
    Identity,
    Input,
    InputLayer,
    Lambda,
)
from graphc.keras.layers.layer import Layer
from graphc.keras.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from graphc.keras.layers.normalization import BatchNormalization, LayerNormalization
from graphc.keras.layers.preprocessing import Normalization, Rescaling
from graphc.keras.layers.regularization import (
    ActivityRegularization,
    Dropout,
    GaussianDropout,
    GaussianNoise,
)
from graphc.keras.layers.reshaping import Flatten, Permute, RepeatVector, Reshape
from graphc.keras.naming import missing

__all__ = [
    "ELU", "Activation", "ActivityRegularization", "Add", "Average", "BatchNormalization",
    "Concatenate", "Dense", "Dot", "Dropout", "Embedding", "Flatten", "GaussianDropout",
    "GaussianNoise", "Identity", "Input", "InputLayer", "Lambda", "Layer", "LayerNormalization",
    "LeakyReLU", "Maximum", "Minimum", "Multiply", "Normalization", "PReLU", "Permute", "ReLU",
    "RepeatVector", "Rescaling", "Reshape", "Softmax", "Subtract", "add", "average",
    "concatenate", "dot", "maximum", "minimum", "multiply", "subtract",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
