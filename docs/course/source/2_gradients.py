# %% [markdown]
# # 2. Gradients: how a network learns
#
# Training looks for the weights with the smallest loss. It follows the slope of the loss downhill.
# This module does that with one weight, then with two, then computes every slope of a small network
# by hand, and at last shows how slopes vanish in a deep network and what brings them back.
#
# You need the derivative of a chain of functions: $\frac{d}{dx} f(g(x)) = f'(g(x))\, g'(x)$.

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import zoo
import zoo_inspect

plt.rcParams.update({"figure.figsize": (7, 2.6), "figure.dpi": 90, "font.size": 9})

# %% [markdown]
# ## Gradient descent
#
# ### One weight
#
# A line through the origin, $\hat y = w x$, shall fit nine points. The loss is the mean squared
# error, and its derivative by $w$ follows from the chain rule:
#
# $$ L(w) = \frac{1}{n} \sum_i (w x_i - y_i)^2, \qquad
# L'(w) = \frac{2}{n} \sum_i (w x_i - y_i)\, x_i $$

# %%
x = np.linspace(-1, 1, 9)
y = 2 * x + 0.1 * np.cos(5 * x)


def loss(w):
    """Return the mean squared error of the line."""
    return ((w * x - y) ** 2).mean()


def slope(w):
    """Return the derivative of the loss."""
    return (2 * (w * x - y) * x).mean()


print("loss", round(loss(-1.0), 4), " slope", round(slope(-1.0), 4))

# %% [markdown]
# Is the formula right? Move $w$ a little to both sides and measure: a **central difference**. Do
# this whenever you have derived a gradient by hand.

# %%
tiny = 1e-6
measured = (loss(-1.0 + tiny) - loss(-1.0 - tiny)) / (2 * tiny)
print("by formula", round(slope(-1.0), 6), " measured", round(measured, 6))
assert abs(slope(-1.0) - measured) < 1e-6

# %% [markdown]
# The slope is negative: the loss falls if $w$ grows. **Gradient descent** takes a step against the
# slope, as long as the slope times the **learning rate** $\eta$, and repeats it:
#
# $$ w \leftarrow w - \eta\, L'(w) $$

# %%
w, rate = -1.0, 1.0
for step in range(13):
    if step % 3 == 0:
        print(f"step {step:2}  w {w:8.5f}  loss {loss(w):.6f}")
    w -= rate * slope(w)

best = (x * y).sum() / (x * x).sum()
print(f"best w by the formula of least squares: {best:.5f}")
assert abs(w - best) < 1e-3

# %% [markdown]
# ### The learning rate
#
# The second derivative of this loss is a constant, $\lambda = \frac{2}{n} \sum_i x_i^2$. One step
# multiplies the distance to the minimum by $1 - \eta \lambda$. The distance shrinks if this factor
# is between −1 and 1, which means that descent diverges from $\eta = 2 / \lambda$ on (Boyd &
# Vandenberghe 2004, section 9.3). `zoo.descend` tries it, and finds the limit by bisection.

# %%
curvature = (2 * x * x).mean()
report = zoo.descend("line")
print("by the formula:", round(2 / curvature, 4))
print("tried:         ", round(report.observed, 4))
for name, last, steps in report.rows():
    print(f"{name:18} last loss {last:9.3g}  steps to the minimum: {steps}")
assert abs(report.observed - 2 / curvature) < 0.01 / curvature

# %%
fig, ax = plt.subplots()
for name, descent in zip(report.names, report.descents, strict=True):
    ax.semilogy(descent.losses[:40], label=name)
ax.set(xlabel="step", ylabel="loss", title="Three learning rates")
ax.legend(title="rate")
fig.tight_layout()

# %% [markdown]
# ### Two weights
#
# With many weights there is one partial derivative per weight, and their vector is the
# **gradient**. Each direction has its own curvature. The largest curvature limits the learning
# rate, and the direction with the smallest one then takes many steps. The largest over the smallest
# curvature is the **condition number** $\kappa$. **Momentum** (Polyak 1964) helps where it is large:
# it keeps a share $\beta$ of the last step and adds the new one,
#
# $$ \Delta \leftarrow \beta \Delta - \eta \nabla L, \qquad w \leftarrow w + \Delta. $$
#
# To compare fairly, each method gets the best of 200 learning rates. We count the steps until the
# loss is a thousandth of what it was, and stays below.


# %%
def fewest_steps(condition, momentum):
    """Return the number of steps with the best of 200 learning rates."""
    curvature = np.array([1.0, condition])
    rates = np.linspace(0.01, 2 * (1 + momentum), 200)[:, None] / condition
    w = np.ones((200, 2)) / np.sqrt(curvature)
    taken, last = np.zeros_like(w), np.zeros(200, int)
    for step in range(1, 5001):
        taken = momentum * taken - rates * curvature * w
        w += taken
        last[(curvature * w**2).sum(axis=1) > 2e-3] = step
        w = w.clip(-10, 10)  # the rates that diverge
    return last.min() + 1


# %%
steps = {(k, beta): fewest_steps(k, beta) for k in (25, 1000) for beta in (0, 0.9)}
for (condition, momentum), count in steps.items():
    print(f"condition number {condition:4}  momentum {momentum:3}  {count:5} steps")
assert steps[1000, 0.9] < steps[1000, 0] / 10

# %% [markdown]
# Momentum of 0.9 saves most of the steps where the condition number is 1,000. Where it is 25, it
# costs some.
#
# **Exercise 1.** Which learning rate reaches the minimum of the line in a single step, and why?
#
# **Exercise 2.** The best momentum for a condition number $\kappa$ is
# $\left( \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1} \right)^2$ (Polyak 1964; Goh 2017). How many
# steps does it take for $\kappa = 25$?

# %% [markdown]
# ## Backpropagation
#
# ### A network with nine weights
#
# Two inputs, two hidden units with the sigmoid $\sigma(z) = 1 / (1 + e^{-z})$, one output:
#
# $$ z = x W + b, \quad h = \sigma(z), \quad \hat y = h v + c, \quad
# L = \tfrac12 (\hat y - t)^2 $$
#
# The sigmoid has the derivative $\sigma' = \sigma (1 - \sigma)$.

# %%
x = np.array([1.0, -2.0])
t = 0.5
W = np.array([[0.1, -0.4], [0.3, 0.2]])
b = np.array([0.05, -0.1])
v = np.array([0.7, -0.6])
c = 0.2

z = x @ W + b
h = 1 / (1 + np.exp(-z))
answer = h @ v + c
loss_now = 0.5 * (answer - t) ** 2
print("z", z, " h", h.round(4))
print(f"answer {answer:.4f}  loss {loss_now:.4f}")

# %% [markdown]
# ### Backwards
#
# Now the chain rule, from the loss to the inputs. Every line uses the one before, and nothing is
# computed twice. That is all of backpropagation (Rumelhart, Hinton & Williams 1986).
#
# | step | formula |
# | --- | --- |
# | output | $\partial L / \partial \hat y = \hat y - t$ |
# | output weights | $\partial L / \partial v_j = (\hat y - t)\, h_j$, $\ \partial L / \partial c = \hat y - t$ |
# | hidden units | $\partial L / \partial h_j = (\hat y - t)\, v_j$ |
# | before the sigmoid | $\partial L / \partial z_j = \partial L / \partial h_j \cdot h_j (1 - h_j)$ |
# | hidden weights | $\partial L / \partial W_{ij} = x_i\, \partial L / \partial z_j$, $\ \partial L / \partial b_j = \partial L / \partial z_j$ |

# %%
d_answer = answer - t
d_v, d_c = d_answer * h, d_answer
d_h = d_answer * v
d_z = d_h * h * (1 - h)
d_W, d_b = np.outer(x, d_z), d_z

# %% [markdown]
# ### Every partial derivative beside the framework's
#
# TensorFlow records what is computed under a `GradientTape` and applies the same rules. The third
# column is the central difference: it knows no rules, and runs the network forward twice for each
# weight.


# %%
def network(W, b, v, c):
    """Return the loss of the small network."""
    hidden = tf.sigmoid(tf.linalg.matvec(W, x, transpose_a=True) + b)
    return 0.5 * (tf.reduce_sum(hidden * v) + c - t) ** 2


variables = [tf.Variable(value, dtype="float64") for value in (W, b, v, c)]
with tf.GradientTape() as tape:
    result = network(*variables)
framework = np.concatenate([g.numpy().ravel() for g in tape.gradient(result, variables)])

# %%
mine = np.concatenate([np.ravel(g) for g in (d_W, d_b, d_v, d_c)])
flat = np.concatenate([np.ravel(value) for value in (W, b, v, c)])


def loss_of(flat):
    """Return the loss for all nine weights in one vector."""
    return network(flat[:4].reshape(2, 2), flat[4:6], flat[6:8], flat[8]).numpy()


eye = np.eye(9) * 1e-6
differences = np.array([(loss_of(flat + e) - loss_of(flat - e)) / 2e-6 for e in eye])

# %%
names = ["W11", "W12", "W21", "W22", "b1", "b2", "v1", "v2", "c"]
print(f"{'':5}{'by hand':>14}{'framework':>14}{'difference':>14}")
for row in zip(names, mine, framework, differences, strict=True):
    print("{:5}{:14.9f}{:14.9f}{:14.9f}".format(*row))
assert np.allclose(mine, framework, rtol=0, atol=1e-15)
assert np.allclose(mine, differences, rtol=0, atol=1e-9)

# %% [markdown]
# ### Train with it
#
# The same formulas for four examples at once learn XOR. A network with so few units does not always
# find it: it depends on the random weights from which it starts.


# %%
def train_xor(units, seed, steps=4000, rate=0.2):
    """Return the mean squared error after training with the gradients from above."""
    random = np.random.default_rng(seed)
    X, t = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    W, b = 2 * random.normal(size=(2, units)), np.zeros(units)
    v, c = random.normal(size=units), 0.0
    for _ in range(steps):
        h = 1 / (1 + np.exp(-(X @ W + b)))
        error = h @ v + c - t
        d_z = np.outer(error, v) * h * (1 - h)
        v, c = v - rate * h.T @ error, c - rate * error.sum()
        W, b = W - rate * X.T @ d_z, b - rate * d_z.sum(axis=0)
    return float((error**2).mean())


# %%
found = {units: sum(train_xor(units, s) < 1e-3 for s in range(20)) for units in (2, 4)}
for units, count in found.items():
    print(f"{units} hidden units: {count} of 20 starts find XOR")
assert found[4] == 20
assert found[2] < 20

# %% [markdown]
# **Exercise 3.** Why can the weights of a layer not all start at zero? Compute the gradients of the
# nine-weight network for $W = 0$, $v = 0$.
#
# **Exercise 4.** Replace the sigmoid by $\tanh$, whose derivative is $1 - \tanh^2$. Derive the
# gradients and compare them with central differences.

# %% [markdown]
# ## Activation functions
#
# Backpropagation multiplies by the slope of the activation function in every layer. So its slope
# decides how well gradients pass.

# %%
report = zoo.activations("step", "sigmoid", "tanh", "relu", "leaky_relu", "gelu")
print(f"{'':11}{'outputs':>16}{'largest slope':>15}")
for row in report.rows:
    print(f"{row.name:11}{f'{row.low:.2f} to {row.high:.2f}':>16}{row.slope:15.3f}")
slopes = {row.name: row.slope for row in report.rows}
assert slopes["sigmoid"] == 0.25
assert slopes["step"] == 0

# %%
grid = np.linspace(-4, 4, 201)
fig, axes = plt.subplots(1, 2)
for name in ("sigmoid", "tanh", "relu", "gelu"):
    function = zoo_inspect.ACTIVATIONS[name]
    axes[0].plot(grid, function.curve(grid).clip(-1, 2), label=name)
    axes[1].plot(grid, function.derivative(grid))
axes[0].set_title("value (up to 2)")
axes[1].set_title("slope")
axes[0].legend()
fig.tight_layout()

# %% [markdown]
# The step function has the slope 0 everywhere, so no gradient passes. The sigmoid has at most one
# quarter. ReLU has 1 where it is active. Where a ReLU unit is inactive for every example it is
# **dead**: its slope is 0 and it never changes again.
#
# **Exercise 5.** How large can a gradient be at most, relative to where it started, after eight
# sigmoids, if the weights change nothing?

# %% [markdown]
# ## Gradients that vanish, and come back
#
# ### Measured before training
#
# Eight hidden layers of 32 units on the digits. We measure the size of the gradient of each layer's
# weights (the root of the mean square) on 256 images, before any training.


# %%
def deep_network(activation, normalization="none"):
    """Return an untrained network with eight hidden layers."""
    keras.utils.set_random_seed(0)
    return zoo.build(
        "mlp_classifier", units=[32] * 8, activation=activation, normalization=normalization
    )


inputs, targets = zoo.dataset("digits").split("train").take(np.arange(256))


# %%
def gradient_sizes(model):
    """Return the root mean square of the gradient of the kernel of each layer."""
    kernels = [w for w in model.trainable_variables if w.path.endswith("kernel")]
    with tf.GradientTape() as tape:
        probabilities = model(inputs["image"], training=True)
        if isinstance(probabilities, dict):
            probabilities = probabilities["probabilities"]
        losses = keras.losses.sparse_categorical_crossentropy(targets["label"], probabilities)
        loss = keras.ops.mean(losses)
    gradients = tape.gradient(loss, [kernel.value for kernel in kernels])
    return [float(np.sqrt(np.mean(np.square(g)))) for g in gradients]


# %%
cases = [("sigmoid", "none"), ("sigmoid", "batch"), ("tanh", "none"), ("relu", "none")]
sizes = {case: gradient_sizes(deep_network(*case)) for case in cases}
for (activation, normalization), size in sizes.items():
    print(f"{activation:8} {normalization:6} first {size[0]:.1e}  last {size[-1]:.1e}")
ratios = {case: size[0] / size[-1] for case, size in sizes.items()}
print(f"sigmoid: {ratios['sigmoid', 'none']:.0e} of the gradient arrives")
assert ratios["sigmoid", "none"] < 1e-4
assert min(ratio for case, ratio in ratios.items() if case != cases[0]) > 1e-2

# %%
fig, ax = plt.subplots()
for (activation, normalization), size in sizes.items():
    ax.semilogy(range(1, 10), size, "o-", label=f"{activation}, {normalization}")
ax.set(xlabel="layer", ylabel="gradient", title="Gradient of each layer before training")
ax.legend(title="activation, normalization")
fig.tight_layout()

# %% [markdown]
# Through eight sigmoids, the first layer gets less than a ten-thousandth of the gradient of the
# last one. It was this that made deep networks hard to train (Hochreiter 1991; Bengio, Simard &
# Frasconi 1994). Three cures bring the gradient back: an activation with a slope near 1 (tanh, ReLU),
# initial weights that fit it (Glorot & Bengio 2010; He et al. 2015), and batch normalization, which
# moves the sums of every layer to where the sigmoid is steep (Ioffe & Szegedy 2015).
#
# ### Measured by training
#
# The same four networks, ten epochs each, with the optimizer of the zoo's default.

# %% tags=["measured"]
accuracies = {}
for activation, normalization in cases:
    run = zoo.train(
        "mlp_classifier", "digits", epochs=10, seed=0,
        units=[32] * 8, activation=activation, normalization=normalization,
    )  # fmt: skip
    accuracies[activation, normalization] = run.history[-1]["val_accuracy"]
    print(f"{activation:8} {normalization:6} accuracy {run.history[-1]['val_accuracy']:.2f}")
assert accuracies["sigmoid", "none"] < 0.5
assert min(accuracies[case] for case in cases[1:]) > 0.85

# %% [markdown]
# These are accuracies on the 269 images of the validation split, where the interval of a share near
# .95 is about ±.03. The three networks that learn are too close to each other to be ranked by one
# training of each. The sigmoid without normalization is far below all of them. Adam is used here,
# which scales small gradients up; that it still fails shows how small they are.
#
# **Exercise 6.** The sigmoid's slope is at most one quarter. Multiply all initial weights of the
# eight sigmoid layers by 4. Does the gradient come back?

# %% [markdown]
# ## Solutions
#
# **1.** The factor $1 - \eta \lambda$ is zero for $\eta = 1 / \lambda$.

# %%
points, values = np.linspace(-1, 1, 9), y
w = -1.0 - 1 / curvature * (2 * (-1.0 * points - values) * points).mean()
print(f"after one step {w:.6f}, best {best:.6f}")
assert abs(w - best) < 1e-12

# %% [markdown]
# **2.** It is $(4 / 6)^2 \approx 0.44$.

# %%
count = fewest_steps(25, (4 / 6) ** 2)
print(count, "steps; without momentum", steps[25, 0])
assert count < steps[25, 0]

# %% [markdown]
# **3.** With $v = 0$ no gradient reaches $W$, and both hidden units get the same gradient of $v$. They
# stay equal forever, as if there were only one.

# %%
zeros = [tf.Variable(np.zeros_like(value)) for value in (W, b, v)] + [
    tf.Variable(0.2, dtype="float64")
]
with tf.GradientTape() as tape:
    result = network(*zeros)
d_W0, _, d_v0, _ = (gradient.numpy() for gradient in tape.gradient(result, zeros))
print("gradient of W", d_W0.ravel(), " gradient of v", d_v0.round(4))
assert not d_W0.any()
assert d_v0[0] == d_v0[1]

# %% [markdown]
# **4.** Only the line before the hidden weights changes:
# $\partial L / \partial z_j = \partial L / \partial h_j \cdot (1 - h_j^2)$.


# %%
def tanh_loss(W):
    """Return the loss with tanh instead of the sigmoid."""
    return 0.5 * (np.tanh(x @ W + b) @ v + c - t) ** 2


h = np.tanh(x @ W + b)
d_W = np.outer(x, (h @ v + c - t) * v * (1 - h**2))
for i, j in np.ndindex(2, 2):
    tiny = np.zeros((2, 2))
    tiny[i, j] = 1e-6
    measured = (tanh_loss(W + tiny) - tanh_loss(W - tiny)) / 2e-6
    print(f"W{i + 1}{j + 1} by hand {d_W[i, j]:.8f}  measured {measured:.8f}")
    assert abs(d_W[i, j] - measured) < 1e-9

# %% [markdown]
# **5.** $0.25^8 \approx 1.5 \cdot 10^{-5}$.

# %%
print(f"{0.25**8:.1e}")
assert 0.25**8 < 2e-5

# %% [markdown]
# **6.** Much of it, but the sums are then so large that many units saturate.

# %%
model = deep_network("sigmoid")
for weight in model.trainable_variables:
    if weight.path.startswith("dense") and weight.path.endswith("kernel"):
        weight.assign(4 * weight)
size = gradient_sizes(model)
print(f"first over last layer: {size[0] / size[-1]:.0e}, before {ratios['sigmoid', 'none']:.0e}")
assert size[0] / size[-1] > 100 * ratios["sigmoid", "none"]

# %% [markdown]
# ## Sources
#
# - D. Rumelhart, G. Hinton, R. Williams: Learning representations by back-propagating errors.
#   *Nature* 323, 1986.
# - S. Boyd, L. Vandenberghe: *Convex Optimization*. Cambridge 2004, section 9.3.
# - B. Polyak: Some methods of speeding up the convergence of iteration methods. 1964.
# - G. Goh: Why momentum really works. *Distill* 2017.
# - S. Hochreiter: *Untersuchungen zu dynamischen neuronalen Netzen*. Thesis, TU München 1991.
# - Y. Bengio, P. Simard, P. Frasconi: Learning long-term dependencies with gradient descent is
#   difficult. *IEEE Transactions on Neural Networks* 5, 1994.
# - X. Glorot, Y. Bengio: Understanding the difficulty of training deep feedforward neural networks.
#   AISTATS 2010.
# - K. He, X. Zhang, S. Ren, J. Sun: Delving deep into rectifiers. ICCV 2015, arXiv:1502.01852.
# - S. Ioffe, C. Szegedy: Batch normalization. ICML 2015, arXiv:1502.03167.
