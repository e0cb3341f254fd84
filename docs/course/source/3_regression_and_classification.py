# %% [markdown]
# # 3. Regression and classification
#
# A table has **predictors**, the columns that are known, and a **target**, the column that is to be
# predicted. If the target is a quantity the task is regression, if it is a kind it is
# classification. This module does both, and spends as much time on how to measure the result
# honestly as on the networks themselves.

# %%
import logging
import os

import keras
import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import GroupKFold, KFold

import zoo

logging.getLogger("tensorflow").setLevel("ERROR")  # without its advice on speed
plt.rcParams.update({"figure.figsize": (7, 2.6), "figure.dpi": 90, "font.size": 9})

# %% [markdown]
# ## Regression
#
# ### Two tables
#
# *Diabetes*: ten values of 442 people, and how far the disease went within a year (Efron et al.
# 2004). *Concrete*: seven ingredients and the age of 1,030 samples of concrete, and their strength
# (Yeh 1998).
#
# The first table comes with the package. The second one is downloaded once, 57 kB, or read from the
# file that the environment variable `CONCRETE` names. Without both, this notebook goes on with the
# first table alone.

# %% tags=["concrete"]
tables = {"diabetes": zoo.dataset("diabetes")}
try:
    concrete = zoo.dataset("concrete", file=os.environ.get("CONCRETE"))
    concrete.split("train")  # the file is read here
    tables["concrete"] = concrete
except zoo.errors.DatasetUnavailable:
    print("The concrete data is not here.")
print(", ".join(tables))

# %% tags=["concrete"]
for name, table in tables.items():
    print(f"\n{name}: predict {table.spec.targets[0].columns[0].name} from")
    for tensor in table.spec.inputs:
        print("  " + tensor.name + ":", ", ".join(column.name for column in tensor.columns))
    sizes = {part: len(table.split(part)) for part in ("train", "validation", "test")}
    print("  rows:", sizes)

# %% [markdown]
# The rows are split three ways. The **training** split is what weights are fitted to. The
# **validation** split chooses between models and when to stop. The **test** split is read once, at
# the end.


# %%
def arrays(table, part):
    """Return all columns of one split as a matrix, and the target."""
    split = table.split(part)
    inputs, targets = split.take(np.arange(len(split)))
    columns = [inputs[tensor.name].astype("float64") for tensor in table.spec.inputs]
    return np.concatenate(columns, axis=1), targets["target"].astype("float64")


data = {
    name: {part: arrays(table, part) for part in ("train", "test")}
    for name, table in tables.items()
}

# %% [markdown]
# ### Simple rivals first
#
# A network must beat two rivals that cost nothing: the mean of the training targets, and a linear
# function of the columns by least squares. The measure is the root mean squared error, RMSE, which
# has the unit of the target:
#
# $$ \mathrm{RMSE} = \sqrt{\frac1n \sum_i (\hat y_i - y_i)^2} $$

# %% tags=["concrete"]
linear = {}
for name, parts in data.items():
    (X, y), (X_test, y_test) = parts["train"], parts["test"]
    coefficients, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y, rcond=None)
    linear[name] = np.column_stack([X_test, np.ones(len(X_test))]) @ coefficients
    mean_error = np.sqrt(np.mean((y.mean() - y_test) ** 2))
    error = np.sqrt(np.mean((linear[name] - y_test) ** 2))
    print(f"{name:9} mean {mean_error:6.2f}   least squares {error:6.2f}")
    assert error < mean_error

# %% [markdown]
# ### Normalization
#
# The columns have different units: kilograms, days, years. For least squares this does not matter.
# For gradient descent it does: a column of large numbers has a large curvature (module 2), and the
# learning rate that fits it is far too small for the others. The **condition number**, the largest
# over the smallest curvature, says how many times more steps the flattest direction needs.
#
# Standardization subtracts the mean of each column and divides by its standard deviation:
# $\tilde x = (x - \mu) / s$.

# %%
X, y = data["diabetes"]["train"]
mu, s = X.mean(axis=0), X.std(axis=0)


def condition(X):
    """Return the condition number of the squared error of a linear function."""
    with_bias = np.column_stack([X, np.ones(len(X))])
    return np.linalg.cond(with_bias.T @ with_bias)


before, after = condition(X), condition((X - mu) / s)
print(f"condition number: raw {before:.2e}, standardized {after:.0f}")
assert after < before / 1_000

# %% [markdown]
# The statistics $\mu$ and $s$ come from the training split and are used for every other row too. If
# they came from all rows, the test rows would have had a say in the model.
#
# ### A network
#
# A small network in Keras: the normalization is its first layer, so that raw values go in. The
# target is standardized as well, and the last layer undoes it.


# %%
def small_network(X, y, seed):
    """Return a network with two hidden layers, trained on a table."""
    keras.utils.set_random_seed(seed)
    scale = keras.layers.Normalization(mean=X.mean(axis=0), variance=X.var(axis=0))
    hidden = [keras.layers.Dense(32, "relu"), keras.layers.Dense(32, "relu")]
    restore = keras.layers.Rescaling(y.std(), y.mean())
    model = keras.Sequential(
        [keras.Input(X.shape[1:]), scale, *hidden, keras.layers.Dense(1), restore]
    )
    model.compile("adam", loss="mse")
    model.fit(X, y, epochs=100, batch_size=32, verbose=0)
    return model


# %% [markdown]
# The zoo's `mlp_regressor` has more: it embeds every number, averages eight networks, and gives an
# interval with each prediction (its sources are in `zoo.info("mlp_regressor")`). `zoo.evaluate` reads
# the test split.

# %% tags=["concrete", "measured"]
predictions = {}
for name, parts in data.items():
    options = dict(tables[name].options)
    run = zoo.train("mlp_regressor", name, data_options=options, seed=0)
    rmse = zoo.evaluate(run).scores["rmse"]
    inputs, _ = tables[name].split("test").take(np.arange(len(parts["test"][1])))
    predictions[name] = {"linear": linear[name]}
    small = small_network(*parts["train"], 0)(parts["test"][0])
    predictions[name]["small"] = keras.ops.convert_to_numpy(small)[:, 0]
    predictions[name]["zoo"] = zoo.predict(run.model, inputs).outputs["prediction"]
    print(f"{name:9} zoo, RMSE {rmse.value:.2f} ({rmse.low:.2f} to {rmse.high:.2f})")

# %% tags=["concrete", "measured"]
fig, axes = plt.subplots(1, len(tables), squeeze=False)
for ax, (name, found) in zip(axes[0], predictions.items(), strict=True):
    truth = data[name]["test"][1]
    ax.plot([truth.min(), truth.max()], [truth.min(), truth.max()], color="gray", lw=1)
    ax.scatter(truth, found["linear"], s=8, alpha=0.6, label="least squares")
    ax.scatter(truth, found["zoo"], s=8, alpha=0.6, label="mlp_regressor")
    ax.set(title=name, xlabel="true", ylabel="predicted")
axes[0, 0].legend()
fig.tight_layout()

# %% [markdown]
# ### Is it better?
#
# Two models are compared on the same rows. What counts is the difference of their squared errors,
# row by row. The **bootstrap** (Efron 1979) draws the test rows again and again, with repetition, and
# looks how much the difference of the RMSE varies. If the interval of 95 % contains 0, the test split
# is too small to say which one is better.


# %%
def difference(one, other, y, draws=2000):
    """Return the RMSE of one minus that of the other, with a 95 % interval."""
    rows = np.random.default_rng(0).integers(0, len(y), (draws, len(y)))
    values = [np.sqrt(((p - y) ** 2)[rows].mean(axis=1)) for p in (one, other)]
    low, high = np.percentile(values[0] - values[1], [2.5, 97.5])
    exact = np.sqrt(((one - y) ** 2).mean()) - np.sqrt(((other - y) ** 2).mean())
    return exact, low, high


# %% tags=["concrete", "measured"]
gains = {}
for name, found in predictions.items():
    for model in ("small", "zoo"):
        gains[name, model] = difference(found[model], found["linear"], data[name]["test"][1])
        print(
            "{:9} {:5} minus least squares: {:6.2f} ({:.2f} to {:.2f})".format(
                name, model, *gains[name, model]
            )
        )
exact, low, high = gains["diabetes", "zoo"]
assert low < 0 < high
if "concrete" in tables:
    assert max(gains["concrete", model][2] for model in ("small", "zoo")) < -2

# %% [markdown]
# On concrete both networks are clearly better than a linear function. On diabetes the zoo's network
# is not distinguishable from least squares, and the small network, trained for a hundred epochs
# without watching the validation split, is no better either. With 310 noisy rows there is little
# that a curve can show beyond a line. A linear model is then the better choice: it is simpler, and
# its coefficients can be read.
#
# **Exercise 1.** Which constant has the smallest mean absolute error, the mean or the median? Check
# it on the training targets of diabetes.
#
# **Exercise 2.** Which column matters most? Shuffle one column of the test rows at a time, and see
# how much the error of least squares grows on diabetes (permutation importance, Breiman 2001).

# %% [markdown]
# ## Honest splits
#
# ### Rows that belong together
#
# A made-up table: 100 people, each measured five times. The measurements of a person are alike. The
# target is one random number per person, so **nothing can be learned** that holds for other people.

# %%
random = np.random.default_rng(0)
person = np.repeat(np.arange(100), 5)
X = random.normal(size=(100, 4))[person] + 0.1 * random.normal(size=(500, 4))
y = random.normal(size=100)[person]


def explained(splitter):
    """Return the share of the variance that the nearest neighbor explains, over ten folds."""
    errors = []
    groups = person if isinstance(splitter, GroupKFold) else None
    for train, test in splitter.split(X, y, groups):
        distance = ((X[test][:, None] - X[train]) ** 2).sum(axis=2)
        errors.extend((y[train][distance.argmin(axis=1)] - y[test]) ** 2)
    return 1 - np.mean(errors) / y.var()


# %%
shuffled = explained(KFold(10, shuffle=True, random_state=0))
grouped = explained(GroupKFold(10))
print(f"rows shuffled {shuffled:.2f}   people kept together {grouped:.2f}")
assert shuffled > 0.9
assert grouped < 0

# %% [markdown]
# With shuffled rows, the model finds other measurements of the same person in the training split and
# looks nearly perfect. With each person in one split only, the truth shows: below 0 is worse than
# the mean.
#
# The concrete table has such groups: 1,030 rows, but fewer mixes, because one mix is tested at
# several ages. Extremely randomized trees (Geurts et al. 2006), on ten folds of each kind:

# %% tags=["concrete"]
if "concrete" in tables:
    parts = [arrays(concrete, part) for part in ("train", "validation", "test")]
    X, y = (np.concatenate(both) for both in zip(*parts, strict=True))
    mix = np.unique(X[:, :7], axis=0, return_inverse=True)[1].ravel()
    print(f"{len(X):,} rows, {mix.max() + 1} mixes")
    rows = KFold(10, shuffle=True, random_state=0).split(X, y)
    errors = {"rows": [], "mixes": []}
    for kind, folds in (("rows", rows), ("mixes", GroupKFold(10).split(X, y, mix))):
        for train, test in folds:
            trees = ExtraTreesRegressor(100, random_state=0).fit(X[train], y[train])
            errors[kind].append(np.sqrt(np.mean((trees.predict(X[test]) - y[test]) ** 2)))
        print(f"split by {kind:5}  RMSE {np.mean(errors[kind]):.2f} MPa")
    assert np.mean(errors["mixes"]) > np.mean(errors["rows"]) + 0.5

# %% [markdown]
# Which number is right depends on the question. For a new mix, it is the second one. The zoo keeps
# groups together with `group_by`: `zoo.dataset("concrete", group_by="mix")`.
#
# ### The test split is read once
#
# Two hundred models that guess, and a test split of 100 rows. Whoever keeps the best one **on the
# test split** reports its luck.

# %%
random = np.random.default_rng(1)
truth = random.integers(0, 2, 100)
guesses = random.integers(0, 2, (200, 100))
accuracies = (guesses == truth).mean(axis=1)
fresh = random.integers(0, 2, 100)
print(f"best of 200 on the test split {accuracies.max():.2f}")
print(f"the same model on new rows    {(guesses[accuracies.argmax()] == fresh).mean():.2f}")
assert accuracies.max() > 0.6

# %% [markdown]
# **Exercise 3.** Choose the best of the 200 on a validation split of 100 other rows, and measure it
# on the test split. What accuracy do you get on average over 200 repetitions?

# %% [markdown]
# ## Classification
#
# ### Categorical targets
#
# Labels are names, even if they look like numbers: a 9 is not three times a 3. A class becomes a
# vector with a single 1, its **one-hot** code. What happens if the label is taken for a quantity?
# Least squares on the 64 pixels of the digits shows it.

# %%
digits = zoo.dataset("digits")
sets = {}
for part in ("train", "test"):
    inputs, targets = digits.split(part).take(np.arange(len(digits.split(part))))
    pixels = inputs["image"].reshape(len(inputs["image"]), 64) / 255
    sets[part] = np.column_stack([pixels, np.ones(len(pixels))]), targets["label"]
(X, label), (X_test, label_test) = sets["train"], sets["test"]

one_hot = np.eye(10)[label]
number, *_ = np.linalg.lstsq(X, label, rcond=None)
scores, *_ = np.linalg.lstsq(X, one_hot, rcond=None)
as_number = ((X_test @ number).round() == label_test).mean()
as_class = ((X_test @ scores).argmax(axis=1) == label_test).mean()
print(f"label as a quantity {as_number:.2f}   one-hot {as_class:.2f}")
assert as_class > as_number + 0.4

# %% [markdown]
# ### Cross-entropy
#
# A classifier gives a probability for each class. Its loss is the negative logarithm of the
# probability of the true class, the **cross-entropy**: 0 if it was sure and right, and without limit
# if it was sure and wrong. Who guesses among ten classes has $\log 10 \approx 2.30$.
#
# With the softmax of module 1, its gradient by the scores $z$ is as simple as it can be:
#
# $$ L = -\log p_{\text{true}}, \qquad \frac{\partial L}{\partial z_k} = p_k - y_k $$
#
# where $y$ is the one-hot code. So a softmax regression fits into ten lines.


# %%
def softmax(z):
    """Return probabilities along the last axis."""
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


weights = np.zeros((65, 10))
for step in range(301):
    p = softmax(X @ weights)
    if step % 100 == 0:
        print(f"step {step:3}  loss {-np.log(p[np.arange(len(p)), label]).mean():.3f}")
    weights -= 2.0 * X.T @ (p - one_hot) / len(X)
right_linear = softmax(X_test @ weights).argmax(axis=1) == label_test
print(f"accuracy on the test split {right_linear.mean():.3f}")
assert right_linear.mean() > 0.93

# %% [markdown]
# The weights of a class show what this classifier looks for: bright pixels speak for the class, dark
# ones against it.

# %%
fig, axes = plt.subplots(1, 10, figsize=(7, 1))
for digit, ax in enumerate(axes):
    ax.imshow(weights[:64, digit].reshape(8, 8), cmap="gray")
    ax.set_title(digit)
    ax.axis("off")
fig.tight_layout(pad=0.2)

# %% [markdown]
# ### A network, and the interval of its accuracy
#
# An accuracy is a share $k / n$ of the test images, and a share of few images is uncertain. The
# interval of Wilson (1927) covers the true share in 95 of 100 cases; `zoo.evaluate` gives it.

# %% tags=["measured"]
run = zoo.train("mlp_classifier", "digits", seed=0)
accuracy = zoo.evaluate(run).scores["accuracy"]
print(f"mlp_classifier {accuracy.value:.3f} ({accuracy.low:.3f} to {accuracy.high:.3f})")
images, _ = digits.split("test").take(np.arange(len(label_test)))
right_network = np.array(zoo.predict(run.model, images).labels, int) == label_test
only_network = int((right_network & ~right_linear).sum())
only_linear = int((~right_network & right_linear).sum())
print(f"right: only the network {only_network}, only the linear one {only_linear}")
assert accuracy.low > 0.95
assert only_network > only_linear

# %% [markdown]
# Images on which both are right, or both wrong, say nothing about which is better. On the others, two
# equal classifiers would win half each. How likely is at least this result by chance? That is a sum
# of binomial probabilities (McNemar 1947, exact version).

# %% tags=["measured"]
from math import comb

fewer, decided = min(only_network, only_linear), only_network + only_linear
chance = 2 * sum(comb(decided, k) for k in range(fewer + 1)) / 2**decided
print(f"probability by chance: {min(chance, 1):.3f}")
assert decided < 20

# %% [markdown]
# So few images decide that one of them more or less changes the verdict. On this test split alone,
# the lead of the network is at the edge of what can be told from luck. More test images settle it, or
# the mean over several splits: over five splits and trainings the zoo publishes .9918 (.9858 to
# .9978) for this network.
#
# **Exercise 4.** Derive $\partial L / \partial z_k = p_k - y_k$, and check it by central differences.
#
# **Exercise 5.** A predictor can be categorical too. Make a table with one column of three kinds of
# cement, 0, 1 and 2, with strengths of 30, 50 and 20 and noise. Compare least squares on the number
# of the kind and on its one-hot code.

# %% [markdown]
# ## Solutions
#
# **1.** The median. The mean has the smallest squared error.

# %%
y = data["diabetes"]["train"][1]
grid = np.linspace(y.min(), y.max(), 2000)
absolute = np.abs(y - grid[:, None]).mean(axis=1)
print(
    f"best constant {grid[absolute.argmin()]:.0f}, median {np.median(y):.0f}, mean {y.mean():.0f}"
)
assert abs(grid[absolute.argmin()] - np.median(y)) < 2

# %% [markdown]
# **2.** On diabetes it is one of the cholesterol columns, and then the body mass index. The
# cholesterol columns are correlated: least squares gives them large coefficients of opposite signs,
# so shuffling one alone hurts more than the column is worth. Permutation importance is about a
# model, not about the disease.

# %%
(X, y), (X_test, y_test) = data["diabetes"]["train"], data["diabetes"]["test"]
coefficients, *_ = np.linalg.lstsq(np.column_stack([X, np.ones(len(X))]), y, rcond=None)
names = [column.name for tensor in tables["diabetes"].spec.inputs for column in tensor.columns]
random, growth = np.random.default_rng(0), {}
for place, name in enumerate(names):
    errors = []
    for _ in range(50):
        shuffled = X_test.copy()
        random.shuffle(shuffled[:, place])
        predicted = shuffled @ coefficients[:-1] + coefficients[-1]
        errors.append(np.sqrt(((predicted - y_test) ** 2).mean()))
    growth[name] = np.mean(errors) - np.sqrt(((linear["diabetes"] - y_test) ** 2).mean())
for name in sorted(growth, key=growth.get, reverse=True)[:4]:
    print(f"{name:18} {growth[name]:5.1f}")

# %% [markdown]
# **3.** One half: the validation split chose the model, and the test split still knows nothing of it.

# %%
random, chosen = np.random.default_rng(2), []
for _ in range(200):
    models = random.integers(0, 2, (200, 200))
    answers = random.integers(0, 2, 200)
    right = models == answers
    best = right[:, :100].mean(axis=1).argmax()
    chosen.append(right[best, 100:].mean())
print(f"mean accuracy on the test split {np.mean(chosen):.2f}")
assert abs(np.mean(chosen) - 0.5) < 0.02

# %% [markdown]
# **4.** $\log p_t = z_t - \log \sum_j e^{z_j}$. Its derivative by $z_k$ is 1 if $k = t$ and else 0, which
# is $y_k$, minus $e^{z_k} / \sum_j e^{z_j} = p_k$. The loss has the opposite sign.

# %%
z, y = np.array([0.5, -1.0, 2.0]), np.array([0, 1, 0])
tiny = 1e-6 * np.eye(3)
measured = [(-np.log(softmax(z + e)) @ y + np.log(softmax(z - e)) @ y) / 2e-6 for e in tiny]
print("by formula", (softmax(z) - y).round(6), " measured", np.round(measured, 6))
assert np.allclose(softmax(z) - y, measured, atol=1e-8)

# %% [markdown]
# **5.** A line through the numbers of the kinds cannot be high in the middle.

# %%
random = np.random.default_rng(3)
kind = random.integers(0, 3, 300)
strength = np.array([30, 50, 20])[kind] + random.normal(size=300)
for name, columns in (
    ("number", np.column_stack([kind, np.ones(300)])),
    ("one-hot", np.eye(3)[kind]),
):
    fitted = columns @ np.linalg.lstsq(columns, strength, rcond=None)[0]
    print(f"{name:8} RMSE {np.sqrt(((fitted - strength) ** 2).mean()):.2f}")
assert np.sqrt(((fitted - strength) ** 2).mean()) < 1.1

# %% [markdown]
# ## Sources
#
# - B. Efron, T. Hastie, I. Johnstone, R. Tibshirani: Least angle regression. *Annals of Statistics*
#   32, 2004.
# - I-C. Yeh: Modeling of strength of high-performance concrete using artificial neural networks.
#   *Cement and Concrete Research* 28, 1998.
# - E. Alpaydin, C. Kaynak: Optical recognition of handwritten digits. UCI 1998.
# - B. Efron: Bootstrap methods. *Annals of Statistics* 7, 1979.
# - E. Wilson: Probable inference. *JASA* 22, 1927. Q. McNemar: Note on the sampling error of the
#   difference between correlated proportions. *Psychometrika* 12, 1947.
# - P. Geurts, D. Ernst, L. Wehenkel: Extremely randomized trees. *Machine Learning* 63, 2006.
# - L. Breiman: Random forests. *Machine Learning* 45, 2001.
