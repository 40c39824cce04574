"""Chapter 2, looking back: the first network again, from nothing but graphs."""

# %% [imports]
import math

import numpy as np
from showing import quick, show

import graphc
from graphc import keras


# %% [naive_dense]
class NaiveDense:
    def __init__(self, name, input_size, output_size, activation):
        self.activation = activation
        edge = math.sqrt(6 / (input_size + output_size))
        draws = np.random.default_rng(output_size).uniform(-edge, edge, (input_size, output_size))
        self.W = graphc.parameter(f"{name}.W", draws.astype(np.float32))
        self.b = graphc.parameter(f"{name}.b", np.zeros(output_size, np.float32))

    def __call__(self, inputs):
        return self.activation(inputs @ self.W + self.b)

    @property
    def weights(self):
        return [self.W, self.b]


# %% [naive_sequential]
class NaiveSequential:
    def __init__(self, layers):
        self.layers = layers

    def __call__(self, inputs):
        x = inputs
        for layer in self.layers:
            x = layer(x)
        return x

    @property
    def weights(self):
        return [weight for layer in self.layers for weight in layer.weights]


model = NaiveSequential(
    [
        NaiveDense("hidden", 28 * 28, 512, graphc.relu),
        NaiveDense("scores", 512, 10, graphc.softmax),
    ]
)
assert len(model.weights) == 4


# %% [batch_generator]
class BatchGenerator:
    def __init__(self, images, labels, batch_size=128):
        assert len(images) == len(labels)
        self.index = 0
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.num_batches = math.ceil(len(images) / batch_size)

    def next(self):
        part = slice(self.index, self.index + self.batch_size)
        self.index += self.batch_size
        return self.images[part], self.labels[part]


# %% [training_step]
learning_rate = 0.1


def updated(gradients, weights):
    return {w: w - learning_rate * g for w, g in zip(weights, gradients, strict=True)}


def one_training_step(model, images, labels):
    predictions = model(images)
    losses = graphc.sparse_categorical_crossentropy(labels, predictions)
    average_loss = graphc.mean(losses)
    gradients = graphc.grad(average_loss, model.weights)
    outputs = {"loss": average_loss}
    return graphc.Graph("step", outputs=outputs, updates=updated(gradients, model.weights))


images = graphc.input("images", ("N", 28 * 28))
labels = graphc.input("labels", ("N",), graphc.int32)
step = one_training_step(model, images, labels)
predict = graphc.Graph("predict", outputs={"predictions": model(images)})
executable = graphc.compile(step, predict)

# %% [step_picture]
show(step.svg(), "step")
show(executable.graph("fused").svg(), "step_fused")


# %% [full_loop]
def fit(executable, images, labels, epochs, batch_size=128):
    for epoch in range(epochs):
        batches = BatchGenerator(images, labels, batch_size)
        for _ in range(batches.num_batches):
            x, y = batches.next()
            loss = executable.step(images=x, labels=y)["loss"]
        print(f"epoch {epoch + 1}: loss at the last batch {loss:.4f}")


(train_images, train_labels), (test_images, test_labels) = keras.datasets.mnist.load_data()
train_images = train_images.reshape((-1, 28 * 28)).astype("float32") / 255
test_images = test_images.reshape((-1, 28 * 28)).astype("float32") / 255
train_labels, test_labels = train_labels.astype("int32"), test_labels.astype("int32")
fit(executable, train_images, train_labels, epochs=2 if quick() else 10)

# %% [evaluate]
predictions = executable.predict(images=test_images)["predictions"]
predicted_labels = predictions.argmax(axis=1)
accuracy = (predicted_labels == test_labels).mean()
print(f"accuracy: {accuracy:.3f}")

# %% [looking_inside]
loops = executable.text("loops")
start = loops.index("kernel step.")
print(loops[start : start + 1200])
