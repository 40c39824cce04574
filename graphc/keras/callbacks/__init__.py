"""What watches and steers ``fit``, ``evaluate`` and ``predict``: Keras' callbacks."""

from __future__ import annotations

import sys
from typing import Any

from graphc.keras.callbacks.base import Callback
from graphc.keras.callbacks.checkpoint import ModelCheckpoint
from graphc.keras.callbacks.container import CallbackList
from graphc.keras.callbacks.csv_logger import CSVLogger
from graphc.keras.callbacks.history import History
from graphc.keras.callbacks.lambda_callback import LambdaCallback
from graphc.keras.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from graphc.keras.callbacks.monitor import EarlyStopping, MonitorCallback
from graphc.keras.callbacks.progbar_logger import ProgbarLogger
from graphc.keras.callbacks.terminate_on_nan import TerminateOnNaN
from graphc.keras.naming import missing

__all__ = [
    "CSVLogger", "Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback",
    "LearningRateScheduler", "ModelCheckpoint", "MonitorCallback", "ProgbarLogger",
    "ReduceLROnPlateau", "TerminateOnNaN",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise missing(sys.modules[__name__], name, __all__)
