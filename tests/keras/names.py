"""The names of Keras that the book's chapters 2 to 5 and 7 use, by chapter."""

from __future__ import annotations

CHAPTERS = {
    "2": """
        datasets.mnist.load_data Sequential models.Sequential layers.Dense
        Sequential.compile Sequential.fit Sequential.predict Sequential.evaluate
        optimizers.SGD optimizers.RMSprop Variable ops.matmul ops.argmax ops.mean
        losses.sparse_categorical_crossentropy ops.convert_to_numpy GradientTape
        """,
    "3": """
        layers.Layer Layer Layer.add_weight Layer.build Layer.call random.normal random.uniform
        ops.ones ops.zeros ops.add ops.square ops.sqrt ops.matmul ops.multiply ops.abs ops.sum
        ops.sigmoid ops.relu ops.reshape ops.transpose ops.concatenate ops.maximum ops.exp
        optimizers.RMSprop optimizers.Adam optimizers.SGD
        losses.MeanSquaredError losses.mean_squared_error
        metrics.BinaryAccuracy metrics.MeanSquaredError Variable.assign Variable.assign_add
        Variable.assign_sub activations.relu backend.backend config.floatx
        """,
    "4": """
        datasets.imdb.load_data datasets.imdb.get_word_index datasets.reuters.load_data
        datasets.reuters.get_word_index datasets.boston_housing.load_data
        datasets.california_housing.load_data utils.to_categorical callbacks.History
        losses.BinaryCrossentropy losses.CategoricalCrossentropy
        losses.SparseCategoricalCrossentropy losses.binary_crossentropy
        losses.categorical_crossentropy metrics.MeanAbsoluteError metrics.Accuracy
        metrics.CategoricalAccuracy metrics.SparseCategoricalAccuracy
        metrics.TopKCategoricalAccuracy
        metrics.MeanAbsolutePercentageError layers.Normalization
        """,
    "5": """
        datasets.mnist.load_data layers.Dropout layers.BatchNormalization regularizers.l1
        regularizers.l2 regularizers.l1_l2 regularizers.L1 regularizers.L2 regularizers.L1L2
        callbacks.EarlyStopping optimizers.RMSprop initializers.GlorotUniform
        layers.Conv2D layers.MaxPooling2D layers.Rescaling
        """,
    "7": """
        Input Model models.Model layers.InputLayer layers.Concatenate layers.Add layers.Embedding
        layers.Flatten layers.Activation layers.Lambda Sequential.add Sequential.build
        Sequential.summary Sequential.layers Sequential.get_layer Model.get_config Model.from_config
        Model.save Model.save_weights Model.load_weights models.load_model saving.load_model
        models.clone_model utils.plot_model utils.set_random_seed utils.PyDataset utils.Progbar
        metrics.Metric metrics.Metric.update_state metrics.Metric.result
        metrics.Metric.reset_state metrics.Mean metrics.Sum metrics.MeanMetricWrapper
        metrics.Precision metrics.Recall metrics.AUC metrics.RootMeanSquaredError
        metrics.F1Score losses.Loss losses.Huber losses.MeanAbsoluteError losses.KLDivergence
        callbacks.Callback callbacks.CallbackList callbacks.EarlyStopping
        callbacks.ModelCheckpoint callbacks.LearningRateScheduler callbacks.ReduceLROnPlateau
        callbacks.CSVLogger callbacks.TerminateOnNaN callbacks.LambdaCallback
        callbacks.TensorBoard callbacks.BackupAndRestore callbacks.RemoteMonitor
        callbacks.SwapEMAWeights callbacks.ProgbarLogger
        optimizers.AdamW optimizers.Adamax optimizers.Nadam optimizers.Adagrad optimizers.Adadelta
        optimizers.Ftrl optimizers.Lion optimizers.schedules.ExponentialDecay
        optimizers.schedules.CosineDecay optimizers.schedules.PiecewiseConstantDecay
        Model.train_on_batch Model.test_on_batch Model.predict_on_batch Model.train_step
        Model.test_step Model.compute_loss Model.compute_metrics Model.stateless_call
        StatelessScope layers.SimpleRNN layers.LSTM layers.GRU layers.MultiHeadAttention
        layers.LayerNormalization mixed_precision.set_global_policy distribution.DataParallel
        """,
}


def of(chapter: str) -> list[str]:
    """The names of a chapter, each once, in the order of their first use."""
    return list(dict.fromkeys(CHAPTERS[chapter].split()))
