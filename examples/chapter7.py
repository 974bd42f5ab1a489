"""The notebook of chapter 7 of "Deep Learning from Scratch", cell by cell: only imports and the weights' file differ.

    python examples/chapter7.py --root DIR

DIR holds the four files of MNIST; without it they are taken from $MINIGRAD_DATA or the cache, or downloaded. Open the file
in an editor that knows `# %%` cells, or run it as it is: 20 epochs of 5,000 images, about a minute. Needs matplotlib.
"""

# %% Imports. In the book: common.util, common.layers, dataset.mnist, simple_convnet, common.trainer, visualize_filter
import argparse
import os

import matplotlib.pyplot as plt
import numpy as np

from minigrad.interop.book import Convolution, Pooling, SimpleConvNet, Trainer, filter_show, im2col, load_mnist

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=os.environ.get("MINIGRAD_DATA", ""))
    os.environ["MINIGRAD_DATA"] = parser.parse_args().root

# %% 7.4.1 A four-dimensional array: ten images of one channel, 28 pixels high and wide
x = np.random.rand(10, 1, 28, 28)
print(x.shape)  # (10, 1, 28, 28)
print(x[0].shape, x[1].shape)  # (1, 28, 28) (1, 28, 28)

# %% 7.4.3 im2col: a row for each place of the filter, a column for each of its weights
x1 = np.random.rand(1, 3, 7, 7)
col1 = im2col(x1, 5, 5, stride=1, pad=0)
print(col1.shape)  # (9, 75)

x2 = np.random.rand(10, 3, 7, 7)
col2 = im2col(x2, 5, 5, stride=1, pad=0)
print(col2.shape)  # (90, 75)

# %% The convolution layer, forward and backward
conv = Convolution(0.01 * np.random.randn(8, 3, 5, 5), np.zeros(8), stride=1, pad=0)
out = conv.forward(x2)
dx = conv.backward(np.ones_like(out))
print(out.shape, dx.shape, conv.dW.shape, conv.db.shape)  # (10, 8, 3, 3) (10, 3, 7, 7) (8, 3, 5, 5) (8,)

# %% 7.4.4 The pooling layer: the gradient goes to the maximum of each window
pool = Pooling(pool_h=2, pool_w=2, stride=2)
image = np.arange(16.0).reshape(1, 1, 4, 4)
print(pool.forward(image))
print(pool.backward(np.ones((1, 1, 2, 2))))

# %% 7.5 SimpleConvNet; its gradients agree with numerical ones
network = SimpleConvNet(
    input_dim=(1, 10, 10),
    conv_param={"filter_num": 10, "filter_size": 3, "pad": 0, "stride": 1},
    hidden_size=10,
    output_size=10,
    weight_init_std=0.01,
)
X = np.random.rand(100).reshape((1, 1, 10, 10))
T = np.array([1]).reshape((1, 1))
grad_num = network.numerical_gradient(X, T)
grad = network.gradient(X, T)
for key, val in grad_num.items():
    print(key, np.abs(grad_num[key] - grad[key]).mean())

# %% Training on 5,000 images
(x_train, t_train), (x_test, t_test) = load_mnist(flatten=False)
x_train, t_train = x_train[:5000], t_train[:5000]
x_test, t_test = x_test[:1000], t_test[:1000]

max_epochs = 20
network = SimpleConvNet(
    input_dim=(1, 28, 28),
    conv_param={"filter_num": 30, "filter_size": 5, "pad": 0, "stride": 1},
    hidden_size=100,
    output_size=10,
    weight_init_std=0.01,
)
trainer = Trainer(
    network,
    x_train,
    t_train,
    x_test,
    t_test,
    epochs=max_epochs,
    mini_batch_size=100,
    optimizer="Adam",
    optimizer_param={"lr": 0.001},
    evaluate_sample_num_per_epoch=1000,
)
trainer.train()

# %% The weights, saved and loaded
network.save_params("params.npz")
print("Saved Network Parameters!")

network = SimpleConvNet()
before = network.params["W1"]
network.load_params("params.npz")
print(network.accuracy(x_test, t_test))

# %% The two curves
x = np.arange(max_epochs)
plt.plot(x, trainer.train_acc_list, marker="o", label="train", markevery=2)
plt.plot(x, trainer.test_acc_list, marker="s", label="test", markevery=2)
plt.xlabel("epochs")
plt.ylabel("accuracy")
plt.ylim(0, 1.0)
plt.legend(loc="lower right")
plt.show()

# %% 7.6.1 The filters of the first layer, before and after
filter_show(before)
filter_show(network.params["W1"])
