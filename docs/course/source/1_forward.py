# %% [markdown]
# # 1. A network, forward
#
# A neural network is a function with many numbers in it. This module computes such a function by
# hand, step by step, and then compares every step with what Keras computes, to the last digits.
#
# You need Python, a little NumPy, and the product of two matrices. Every claim is followed by an
# `assert`, so the notebook stops if one of them is wrong.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

import zoo

plt.rcParams.update({"figure.figsize": (7, 2.6), "figure.dpi": 90, "font.size": 9})

# %% [markdown]
# ## Two layers by hand
#
# ### One unit
#
# A unit takes numbers $x_1, \dots, x_n$. It multiplies each one by a **weight**, adds a **bias**,
# and applies an **activation function** $f$:
#
# $$ y = f(w_1 x_1 + \dots + w_n x_n + b) $$
#
# The most used activation function is the rectified linear unit, ReLU: $f(z) = \max(0, z)$.

# %%
x = [1.0, 0.0]
w = [1.0, 1.0]
b = -0.5

z = sum(weight * value for weight, value in zip(w, x, strict=True)) + b
y = max(0.0, z)
print("z =", z, " y =", y)
assert y == 0.5

# %% [markdown]
# With two inputs, the points where $z = 0$ form a straight line. The unit is silent on one side of
# it and grows linearly on the other.
#
# ### One unit is not enough
#
# XOR is 1 if exactly one of two inputs is 1. No straight line separates its ones from its zeros, so
# a unit without a hidden layer cannot compute it (Minsky & Papert 1969). The best line in the sense
# of least squares shows this: it answers one half everywhere.

# %%
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype="float32")
xor = np.array([0, 1, 1, 0], dtype="float32")

with_bias = np.column_stack([X, np.ones(4)])
best, *_ = np.linalg.lstsq(with_bias, xor, rcond=None)
print("answers of the best line:", (with_bias @ best).round(6))
assert np.allclose(with_bias @ best, 0.5)

# %% [markdown]
# ### Two layers
#
# A **layer** is several units that see the same inputs. Its weights form a matrix $W$ with one row
# per input and one column per unit. For a whole batch of examples, one per row of $X$:
#
# $$ H = f(X W_1 + b_1), \qquad \hat{y} = H W_2 + b_2 $$
#
# The hidden layer below has two units. The weights are those of Goodfellow, Bengio & Courville
# (2016, section 6.1); later, such weights will be found by training.

# %%
W1 = np.array([[1, 1], [1, 1]], dtype="float32")
b1 = np.array([0, -1], dtype="float32")
W2 = np.array([[1], [-2]], dtype="float32")
b2 = np.array([0], dtype="float32")

Z = X @ W1 + b1
H = np.maximum(0, Z)
answers = H @ W2 + b2
for row, hidden, answer in zip(X, H, answers, strict=True):
    print(f"inputs {row}  hidden {hidden}  output {answer}")
assert np.array_equal(answers[:, 0], xor)

# %% [markdown]
# The first hidden unit counts the ones. The second one is active only if both inputs are 1, and is
# subtracted twice. In the plane of the hidden units, the points can be separated by a line: the
# hidden layer has moved them.

# %%
fig, axes = plt.subplots(1, 2)
for ax, points, title in zip(axes, [X, H], ["inputs", "hidden units"], strict=True):
    ax.scatter(*points.T, c=xor, cmap="coolwarm", s=80, edgecolor="black")
    ax.set(title=title, xlim=(-0.5, 2.5), ylim=(-0.5, 1.5))
axes[1].axline((0.25, 0), (2.25, 1), color="gray", ls="--")
fig.tight_layout()

# %% [markdown]
# ### The same network in Keras
#
# `Dense` is such a layer. We give it our weights, and let `zoo.inspect` record what each
# layer gives for the four inputs.

# %%
inputs = keras.Input((2,))
hidden = keras.layers.Dense(2, activation="relu", name="hidden")(inputs)
output = keras.layers.Dense(1, name="output")(hidden)
model = keras.Model(inputs, output, name="xor")
model.set_weights([W1, b1, W2, b2])

seen = zoo.inspect(model, X)
print(seen.summary)
print(seen.outputs["hidden"])
print(seen.outputs["output"])
assert np.array_equal(seen.outputs["hidden"], H)
assert np.array_equal(seen.outputs["output"], answers)

# %% [markdown]
# `array_equal` means equal in every bit. In a notebook of your own, write `seen` alone on the last
# line of a cell to see the same as a page with pictures.
#
# ### Equal to the last digits
#
# Small integers are exact in a computer. Other numbers are rounded, and a sum depends on the order
# in which it is made. So compare a network with random weights, and count by how many **units in
# the last place** (ulp) the results differ. A `float32` has about seven digits; one ulp of a number
# near 1 is $2^{-23} \approx 10^{-7}$.

# %%
random = np.random.default_rng(0)
model.set_weights([random.normal(size=w.shape).astype("float32") for w in model.get_weights()])
W1, b1, W2, b2 = model.get_weights()
X = random.normal(size=(5, 2)).astype("float32")

H = np.maximum(0, X @ W1 + b1)
by_hand = H @ W2 + b2
by_keras = zoo.inspect(model, X).outputs["output"]
for mine, theirs in zip(by_hand[:, 0], by_keras[:, 0], strict=True):
    print(f"by hand {mine:.8f}   Keras {theirs:.8f}")
ulps = np.testing.assert_array_max_ulp(by_hand, by_keras, maxulp=8)
assert ulps.max() <= 8

# %% [markdown]
# **Exercise 1.** Choose weights for a network with two inputs and one hidden layer of two ReLU
# units that computes $|x_1 - x_2|$. Check it on ten random points.
#
# **Exercise 2.** Compute XOR with NumPy's `float16`, and with random weights compare `float16`,
# `float32` and `float64`. By how much do the outputs differ?

# %% [markdown]
# ## What the functions between the layers do
#
# ### Without an activation function
#
# Two layers without an activation function are one layer, because
# $(X W_1 + b_1) W_2 + b_2 = X (W_1 W_2) + (b_1 W_2 + b_2)$. More layers add nothing.

# %%
two_layers = (X @ W1 + b1) @ W2 + b2
one_layer = X @ (W1 @ W2) + (b1 @ W2 + b2)
print("two layers:", two_layers[:, 0].round(4))
print("one layer: ", one_layer[:, 0].round(4))
assert np.allclose(two_layers, one_layer, atol=1e-6)

# %% [markdown]
# ### From scores to probabilities
#
# A classifier ends in one score per class, called **logits**. The softmax function makes positive
# numbers with a sum of 1 out of them:
#
# $$ p_k = \frac{e^{z_k}}{\sum_j e^{z_j}} $$
#
# The exponential of a large number overflows. Subtracting the largest score from all scores changes
# no probability, because numerator and denominator are divided by the same number.


# %%
def softmax(scores):
    """Return probabilities along the last axis."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


print(softmax(np.array([2.0, 1.0, 0.0])).round(4))
print(softmax(np.array([1002.0, 1001.0, 1000.0])).round(4))
assert np.allclose(softmax(np.array([1002.0, 1001.0, 1000.0])).sum(), 1)

# %% [markdown]
# **Exercise 3.** Show that the softmax of two scores is the sigmoid $1 / (1 + e^{-d})$ of their
# difference $d$. Check it for $d$ from −5 to 5.

# %% [markdown]
# ## A real network, by hand
#
# `mlp_classifier` is a model of the zoo with published weights: it recognizes digits of 8 × 8
# pixels. Here is an image that it has never been trained on, and the network layer by layer.

# %%
classifier = zoo.build("mlp_classifier", weights="digits")
images, targets = zoo.dataset("digits").split("test").take(np.array([130]))
image, digit = images["image"][0], int(targets["label"][0])

seen = zoo.inspect(classifier, image)
print(f"{'layer':15}{'output':>10}{'parameters':>12}{'multiply-adds':>15}")
for row in seen.rows:
    shape = " x ".join(map(str, row.shape))
    print(f"{row.path:15}{shape:>10}{row.parameters:12,}{row.multiply_adds:15,}")

# %%
plt.figure(figsize=(1.6, 1.6))
plt.imshow(image[..., 0], cmap="gray")
plt.axis("off")
plt.title(f"a {digit}")
plt.tight_layout()

# %% [markdown]
# Three things are new. `scale` divides the pixels by 255. `random_affine` shifts and rotates images
# in training only. Batch normalization (Ioffe & Szegedy 2015) shifts and scales each unit by
# numbers that were measured in training, $\mu$ and $\sigma^2$, and two that were learned:
#
# $$ \hat z = \gamma\, \frac{z - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta $$
#
# Nine lines compute the whole network.

# %%
weights = {w.path: w.numpy() for w in classifier.weights}
a = image.reshape(1, 64) / np.float32(255)
for k in (1, 2):
    z = a @ weights[f"dense_{k}/kernel"]
    gamma, beta, mean, variance = (
        weights[f"norm_{k}/{name}"] for name in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    epsilon = classifier.get_layer(f"norm_{k}").epsilon
    a = np.maximum(0, gamma * (z - mean) / np.sqrt(variance + epsilon) + beta)
probabilities = softmax(a @ weights["probabilities/kernel"] + weights["probabilities/bias"])

print("by hand ", probabilities[0].round(3))
print("by Keras", seen.outputs["probabilities"][0].round(3))
assert np.abs(probabilities - seen.outputs["probabilities"]).max() < 1e-6
assert probabilities.argmax() == digit

# %% [markdown]
# It is an 8 for the network, but nearly a 1. All other digits are unlikely.

# %% [markdown]
# ### Count it
#
# A dense layer from $n$ inputs to $m$ units has $n m$ weights, $m$ biases if it has any, and does
# $n m$ multiplications with additions per example. Here the first two layers have no biases,
# because batch normalization has its own $\beta$.

# %%
kernels = [64 * 256, 256 * 128, 128 * 10]
normalization = 4 * (256 + 128)
print("weights:", kernels, " normalization:", normalization, " biases: 10")
assert sum(kernels) + normalization + 10 == seen.parameters
assert sum(kernels) == seen.multiply_adds

# %% [markdown]
# **Exercise 4.** How many parameters has a network 64 → 100 → 100 → 10 with biases and without
# batch normalization? Check with Keras.
#
# **Exercise 5.** Which digit does the network see if all pixels are 0? Is it sure? Why can it not
# say "none"?

# %% [markdown]
# ## Solutions
#
# **1.** $|d| = \max(0, d) + \max(0, -d)$ with $d = x_1 - x_2$.

# %%
points = random.normal(size=(10, 2))
W = np.array([[1, -1], [-1, 1]])
distance = np.maximum(0, points @ W) @ np.array([1, 1])
assert np.allclose(distance, np.abs(points[:, 0] - points[:, 1]))
print("equal on ten points")

# %% [markdown]
# **2.** XOR is exact in every type, because its numbers are small integers. With random weights
# `float16` differs in the third or fourth digit, `float32` in the seventh or eighth.


# %%
def forward(kind):
    """Return the outputs, computed with numbers of one type."""
    x, w1, c1, w2, c2 = (array.astype(kind) for array in (X, W1, b1, W2, b2))
    return (np.maximum(0, x @ w1 + c1) @ w2 + c2).astype("float64")


for kind in ("float16", "float32"):
    error = np.abs(forward(kind) - forward("float64")).max()
    print(kind, "differs by less than", 10.0 ** np.ceil(np.log10(error)))
    assert error < {"float16": 1e-2, "float32": 1e-6}[kind]

# %% [markdown]
# **3.** Divide numerator and denominator by $e^{z_1}$:
# $e^{z_1} / (e^{z_1} + e^{z_2}) = 1 / (1 + e^{z_2 - z_1}) = 1 / (1 + e^{-d})$.

# %%
d = np.linspace(-5, 5, 11)
pairs = np.column_stack([d, np.zeros(11)])
assert np.allclose(softmax(pairs)[:, 0], 1 / (1 + np.exp(-d)))
print("equal for eleven differences")

# %% [markdown]
# **4.** $64 \cdot 100 + 100 + 100 \cdot 100 + 100 + 100 \cdot 10 + 10 = 17{,}610$.

# %%
layers = [keras.layers.Dense(units) for units in (100, 100, 10)]
count = keras.Sequential([keras.Input((64,)), *layers]).count_params()
print(f"{count:,}")
assert count == 17_610

# %% [markdown]
# **5.** Softmax divides a total of 1 among ten classes, and there is no eleventh. A network answers
# for any input, also for one that is nothing like its training data. A high probability is no
# evidence that the input is a digit.

# %%
black = zoo.predict(classifier, np.zeros((8, 8, 1), "uint8"))
print("label", black.labels, " probability", black.probabilities.max().round(2))
assert black.probabilities.max() > 0.9

# %% [markdown]
# ## Sources
#
# - I. Goodfellow, Y. Bengio, A. Courville: *Deep Learning*. MIT Press 2016, chapter 6.
# - M. Minsky, S. Papert: *Perceptrons*. MIT Press 1969.
# - S. Ioffe, C. Szegedy: Batch normalization. ICML 2015, arXiv:1502.03167.
# - V. Nair, G. Hinton: Rectified linear units improve restricted Boltzmann machines. ICML 2010.
