# %% [markdown]
# # 4. Architectures: what the structure of a network knows
#
# A dense layer treats all inputs alike. Other layers know something about their data: that pixels
# have neighbors, that a sequence has an order, that a sentence has words which refer to each other.
# This module opens one of each, and then measures two networks that learn without labels.

# %%
import logging

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression

import zoo
import zoo_aircraft
import zoo_rbm

# %%
logging.getLogger("tensorflow").setLevel("ERROR")  # without its advice on speed
style = {"figure.figsize": (7, 2.4), "figure.dpi": 90, "font.size": 9, "image.cmap": "gray"}
plt.rcParams.update(style)


def show(images, titles):
    """Draw images in a row."""
    fig, axes = plt.subplots(1, len(images), squeeze=False)
    for ax, image, title in zip(axes[0], images, titles, strict=True):
        ax.imshow(image)
        ax.set_title(title)
        ax.axis("off")
    fig.tight_layout()


# %% [markdown]
# ## Convolution and pooling
#
# ### By hand
#
# A **convolution** slides a small matrix, the **kernel** $K$, over the image. At each place it
# multiplies the pixels below by the weights of the kernel, and adds them up:
#
# $$ Z_{r,c} = \sum_{i,j} K_{i,j}\, X_{r+i,\,c+j} $$
#
# **Max pooling** keeps the largest value of each small square. The image is a drawn piece of an
# aircraft's skin with a dent, which module 5 is about. The two kernels respond to brightness that
# changes downwards and to the right.

# %%
scene = zoo_aircraft.make_scene(seed=0, split="test", index=0)
image = zoo_aircraft.draw(scene, 96).mean(axis=2).astype("float32") / 255
down = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], "float32")


def convolve(image, kernel):
    """Return the sum of the pixels below the kernel at each place."""
    height, width = np.array(image.shape) - 2
    result = np.zeros((height, width), "float32")
    for i, j in np.ndindex(3, 3):
        result += kernel[i, j] * image[i : i + height, j : j + width]
    return result


# %%
edges = np.abs(convolve(image, down)), np.abs(convolve(image, down.T))
pooled = np.maximum(*edges)[:92, :92].reshape(23, 4, 23, 4).max(axis=(1, 3))

# %%
show(
    [image, *edges, pooled], ["image", "edges downwards", "edges to the right", "4 × 4 max pooling"]
)

# %% [markdown]
# ### By Keras
#
# The same in two layers. What is called a convolution in neural networks does not flip the kernel;
# in mathematics it is a cross-correlation.

# %%
batch = image[None, :, :, None]
layer = keras.layers.Conv2D(1, 3, use_bias=False)
layer.build(batch.shape)
layer.set_weights([down[:, :, None, None]])
by_keras = keras.ops.convert_to_numpy(layer(batch))[0, :, :, 0]
pool = keras.layers.MaxPooling2D(4)(np.maximum(*edges)[None, :, :, None])
assert np.abs(by_keras - convolve(image, down)).max() < 2e-6
assert np.array_equal(keras.ops.convert_to_numpy(pool)[0, :23, :23, 0], pooled)
print("convolution and pooling are equal to those by hand, but for rounding")

# %% [markdown]
# ### What it knows
#
# A kernel has nine weights, wherever it looks. So a shifted image gives a shifted result: what was
# learned at one place holds at all places. A dense layer of as many outputs would have millions of
# weights, and would have to learn every place by itself.

# %%
shifted = convolve(image[:, 5:], down)
assert np.array_equal(shifted, convolve(image, down)[:, 5:])
print(f"weights: convolution 9, dense layer {96 * 96 * 94 * 94:,}")

# %% [markdown]
# ### Learned kernels
#
# Nobody chooses the kernels of a real network; training does. Here are feature maps of the first
# convolution of `cnn` for a digit.

# %%
cnn = zoo.build("cnn", weights="digits")
images, labels = zoo.dataset("digits").split("test").take(np.arange(269))
seen = zoo.inspect(cnn, images["image"][3])
first = next(row.path for row in seen.rows if row.kind == "Conv2D")
maps = seen.outputs[first][0]
order = np.argsort(maps.std(axis=(0, 1)))[::-1][:6]
show([images["image"][3, ..., 0], *(maps[..., k] for k in order)], ["digit", *order])

# %% [markdown]
# **Exercise 1.** Which kernel blurs an image? How much does it reduce the standard deviation of pure
# noise, and why?
#
# **Exercise 2.** Shift the aircraft by one pixel to the right. How much changes in the edges, and how
# much after pooling?

# %% [markdown]
# ## Recurrence and its memory
#
# ### By hand
#
# A recurrent layer reads a sequence step by step, and keeps a state $h$:
#
# $$ h_t = \tanh(x_t W + h_{t-1} U + b) $$

# %%
keras.utils.set_random_seed(0)
layer = keras.layers.SimpleRNN(8)
sequence = np.random.default_rng(0).normal(size=(1, 20, 3)).astype("float32")
by_keras = keras.ops.convert_to_numpy(layer(sequence))
W, U, b = (weight.numpy() for weight in layer.weights)
h = np.zeros((1, 8), "float32")
for t in range(20):
    h = np.tanh(sequence[:, t] @ W + h @ U + b)
assert np.abs(h - by_keras).max() < 1e-6
print("equal after 20 steps")

# %% [markdown]
# ### How far does it remember?
#
# The **adding problem** (Hochreiter & Schmidhuber 1997): 200 pairs of a number and a mark. Two numbers
# are marked, and the answer is their sum. Whoever forgets the first one can only guess the mean, with
# a squared error of $1/6 \approx 0.167$ (both numbers are between 0 and 1).
#
# We measure memory by the derivative of the answer by each number of the sequence. For the right
# answer it is 1 at the two marks and 0 elsewhere. The first network is an LSTM that was trained on
# this problem, the second a simple recurrent network after two epochs of training.

# %% tags=["measured"]
lstm = zoo.build("lstm:adding")
run = zoo.train("lstm", "adding", cell="simple_rnn", epochs=2, seed=0)
sequences, sums = zoo.dataset("adding").split("test").take(np.arange(500))
errors = {}
for name, model in (("LSTM", lstm), ("simple", run.model)):
    answers = next(iter(zoo.predict(model, sequences).outputs.values())).ravel()
    errors[name] = np.mean((answers - sums["sum"]) ** 2)
    print(f"{name:7} squared error {errors[name]:.4f}")
assert errors["LSTM"] < 0.01
assert errors["simple"] > 0.1


# %%
def sensitivity(model, sequences):
    """Return the derivative of each answer by each number of its sequence."""
    x = tf.constant(sequences)
    with tf.GradientTape() as tape:
        tape.watch(x)
        answers = tf.nest.flatten(model(x))[0]
    return tape.gradient(answers, x).numpy()[..., 0]


# %%
slopes = sensitivity(lstm, sequences["sequence"])
marked = sequences["sequence"][..., 1] == 1
first = marked.argmax(axis=1)
at_first = slopes[np.arange(500), first]
print(
    f"derivative at the marks {slopes[marked].mean():.2f}, elsewhere {np.abs(slopes[~marked]).mean():.3f}"
)
print(f"at the first mark, if it is 150 to 200 steps back: {at_first[first < 50].mean():.2f}")
assert at_first[first < 50].mean() > 0.9

# %% tags=["measured"]
forgets = np.abs(sensitivity(run.model, sequences["sequence"])).mean(axis=0)
fig, axes = plt.subplots(1, 2)
axes[0].plot(slopes[0], label="derivative")
axes[0].plot(np.flatnonzero(marked[0]), [1, 1], "o", mfc="none", color="black", label="marked")
axes[0].set(title="LSTM, one sequence", xlabel="step")
axes[0].legend()
axes[1].semilogy(forgets)
axes[1].set(title="simple recurrent network, mean size", xlabel="step")
fig.tight_layout()

# %% [markdown]
# The LSTM passes the derivative over more than 150 steps unchanged. Its state is added to, not
# multiplied, and a gate keeps it. In the simple network, derivatives shrink at each step back in
# time, as they did through sigmoid layers in module 2. It is no better than the guess. Two epochs are
# few: this shows that it did not learn it as easily, not that it never could.
#
# **Exercise 3.** Let the simple layer from above, which is untrained, read 100 steps. By how much does
# its last state change if the first input is changed by 1?

# %% [markdown]
# ## Attention
#
# ### By hand
#
# Attention looks up: a **query** $q$ is compared with **keys** $k_j$, and the answer is the mean of
# **values** $v_j$, weighted by how well the keys fit (Vaswani et al. 2017):
#
# $$ \text{answer} = \sum_j a_j v_j, \qquad
# a = \mathrm{softmax}\left( \frac{q \cdot k_j}{\sqrt{d}} \right) $$

# %%
random = np.random.default_rng(1)
Q, K, V = (random.normal(size=(1, n, 4)).astype("float32") for n in (2, 5, 5))
scores = Q[0] @ K[0].T / np.sqrt(4)
weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
by_keras = keras.layers.Attention(use_scale=False)([Q / 2, V, K])
assert np.abs(weights @ V[0] - keras.ops.convert_to_numpy(by_keras)[0]).max() < 1e-6
print("weights of two queries over five keys:")
print(weights.round(2))

# %% [markdown]
# ### Attention maps of the translator
#
# `transformer` translates numbers from English into Spanish. Its decoder writes word by word, and
# attends to the English words at each step. The map shows this for the last layer, as the mean of its
# four heads.


# %%
translator = zoo.build("transformer", weights="numbers_en_es")
data = translator.blueprint.data
english, spanish = (spec.text.vocabulary for spec in (data.inputs[0], data.targets[0]))


def translate(text):
    """Return the Spanish words, and the ids of all of them with the end."""
    ids = zoo.predict(translator, text).outputs["text"][0].tolist()
    return [spanish[i] for i in ids], ids


# %%
text = "forty-two thousand three hundred and seven"
source = [*text.replace("-", " - ").split(), "[end]"]
written, ids = translate(text)
print(" ".join(written))
assert written[:-1] == ["cuarenta", "y", "dos", "mil", "trescientos", "siete"]

# %%
network = keras.Model(translator.inputs, translator.outputs)
inputs = {"source": np.array([[english.index(word) for word in source]], "int32")}
inputs["previous"] = np.array([[spanish.index("[start]"), *ids[:-1]]], "int32")
maps = zoo.inspect(network, inputs).attention
last = list(maps)[-1]
attention = maps[last][0].mean(axis=0)

fig, ax = plt.subplots(figsize=(5, 3))
ax.imshow(attention, vmin=0, vmax=1)
ax.set_xticks(range(len(source)), source, rotation=60)
ax.set_yticks(range(len(written)), written)
fig.tight_layout()

# %%
for word, row in zip(written, attention, strict=True):
    print(f"{word:13} attends most to {source[row.argmax()]:9} {row.max():.2f}")
assert source[attention[written.index("cuarenta")].argmax()] == "forty"
assert source[attention[written.index("dos")].argmax()] == "two"

# %% [markdown]
# Some rows are as one hopes: *cuarenta* attends to *forty*, *dos* to *two*. Others are not: *siete*
# attends to the end. Self-attention in the encoder has mixed the words before, so a position no longer
# stands for its word alone. An attention map is no explanation (Jain & Wallace 2019). Whoever wants
# to know on which word an answer depends must change the word:

# %%
for old, new in (("seven", "nine"), ("forty", "sixty"), ("two", "five")):
    changed, _ = translate(text.replace(old, new))
    pairs = [f"{a} → {b}" for a, b in zip(written, changed, strict=True) if a != b]
    print(f"{old} → {new}: {', '.join(pairs)}")
    assert len(pairs) == 1

# %% [markdown]
# **Exercise 4.** What do the weights of attention become if all keys are equal? And if one score is
# larger than the others by 20?

# %% [markdown]
# ## Learning without labels
#
# ### Compression with an autoencoder
#
# An autoencoder squeezes an image through a short **code** and restores it. Here 64 pixels go through
# eight numbers. The simple rival is principal component analysis (PCA): the best linear code of the
# same length, from a singular value decomposition.

# %%
train, _ = zoo.dataset("digits").split("train").take(np.arange(1259))
X = train["image"].reshape(-1, 64) / 255
X_test = images["image"].reshape(-1, 64) / 255
center = X.mean(axis=0)
components = np.linalg.svd(X - center, full_matrices=False)[2][:8]
by_pca = center + (X_test - center) @ components.T @ components

autoencoder = zoo.build("autoencoder", weights="digits")
restored = zoo.predict(autoencoder, images["image"]).outputs["reconstruction"].reshape(-1, 64) / 255
errors = {"PCA": np.mean((by_pca - X_test) ** 2), "autoencoder": np.mean((restored - X_test) ** 2)}
print({name: float(error.round(4)) for name, error in errors.items()})
assert errors["autoencoder"] < errors["PCA"] / 2

# %%
rows = np.stack([X_test[:8], restored[:8], by_pca[:8]]).reshape(3, 8, 8, 8)
plt.figure(figsize=(6, 2.4))
plt.imshow(rows.transpose(0, 2, 1, 3).reshape(24, 64))
plt.yticks([4, 12, 20], ["image", "autoencoder", "PCA"])
plt.xticks([])
plt.tight_layout()

# %% [markdown]
# ### Denoising
#
# Trained to restore the clean image from a noisy one (Vincent et al. 2008), it learns what digits look
# like. The noise is Gaussian with a standard deviation of 0.3. The simple rival is PCA again: noise in
# the other 56 directions is removed.

# %% tags=["measured"]
run = zoo.train(
    "autoencoder", "digits", noise={"kind": "gaussian", "amount": 0.3}, epochs=60, seed=0
)
noisy = (X_test + np.random.default_rng(0).normal(0, 0.3, X_test.shape)).clip(0, 1)
given = (noisy.reshape(-1, 8, 8, 1) * 255).round().astype("uint8")
denoised = zoo.predict(run.model, given).outputs["reconstruction"].reshape(-1, 64) / 255
errors = {
    "noisy": np.mean((noisy - X_test) ** 2),
    "PCA": np.mean((center + (noisy - center) @ components.T @ components - X_test) ** 2),
    "denoising autoencoder": np.mean((denoised - X_test) ** 2),
}
for name, error in errors.items():
    print(f"{name:22} squared error {error:.4f}")
assert errors["denoising autoencoder"] < errors["PCA"] < errors["noisy"]

# %% [markdown]
# ### Missing values with a Boltzmann machine
#
# A restricted Boltzmann machine (RBM; Smolensky 1986) learns which images are likely, so it can fill in
# pixels that are missing. Its units are 0 or 1: a gray pixel is a probability to be 1. Half of the
# pixels are removed at random, and filled in by three methods: the mean of the pixel, the mean of the
# five nearest training images (by the known pixels), and the mean of samples of the RBM given the known
# pixels. First on images of zeros and ones, then on the gray ones.


# %%
def complete(train, test):
    """Return the root mean squared error of the missing pixels for three methods."""
    missing = np.random.default_rng(0).random(test.shape) < 0.5
    distance = (((test[:, None] - train) ** 2) * ~missing[:, None]).sum(axis=2)
    holes = np.where(missing, np.nan, test * 255).reshape(-1, 8, 8, 1)
    filled = {
        "mean": np.broadcast_to(train.mean(axis=0), test.shape),
        "neighbors": train[np.argsort(distance, axis=1)[:, :5]].mean(axis=1),
        "RBM": rbm.complete(holes, method="sampling").reshape(-1, 64) / 255,
    }
    return {name: np.sqrt(np.mean((v - test)[missing] ** 2)) for name, v in filled.items()}


# %%
rbm = zoo_rbm.TrainedRBM(zoo.build("rbm", weights="digits"))
random = np.random.default_rng(0)
binary = [(random.random(pixels.shape) < pixels).astype("float64") for pixels in (X, X_test)]
for name, (known, unknown) in (("zeros and ones", binary), ("gray", (X, X_test))):
    errors = complete(known, unknown)
    print(f"{name:15}", "  ".join(f"{method} {error:.3f}" for method, error in errors.items()))
    assert errors["RBM"] < errors["mean"]
    assert (errors["RBM"] < errors["neighbors"]) == (name == "zeros and ones")

# %% [markdown]
# On zeros and ones, for which it was made, the RBM is best. On the gray images the neighbors are better:
# the RBM rounds what it samples to 0 or 1, and knows nothing of shades. The best model of the wrong data
# loses to a simple method.
#
# ### Imbalance
#
# With 20 eights among more than a thousand other digits, a linear classifier of "eight or not" rarely
# answers *eight*. The usual measure is $F_1$, the harmonic mean of precision (how many that were called
# eight are one) and recall (how many eights were found). Three cures: weigh the rare class higher,
# repeat its images, or sample new ones from an RBM that knows the classes.

# %%
_, train_labels = zoo.dataset("digits").split("train").take(np.arange(1259))
eight = train_labels["label"] == 8
keep = np.sort(np.concatenate([np.flatnonzero(~eight), np.flatnonzero(eight)[:20]]))
few, few_labels = train["image"][keep], train_labels["label"][keep]
is_eight = labels["label"] == 8


def f1(images, labels, **options):
    """Return F1 of a linear classifier of the eights, on the test split."""
    model = LogisticRegression(max_iter=5000, **options)
    answers = model.fit(images.reshape(-1, 64) / 255, labels == 8).predict(X_test)
    right = (answers & is_eight).sum()
    return 2 * right / max(1, answers.sum() + is_eight.sum())


# %%
test = {"x_test": images["image"], "y_test": labels["label"]}
np.savez("few_eights.npz", x_train=few, y_train=few_labels, **test)
run = zoo.train("rbm", "few_eights.npz", classes=True, seed=0)
sampler = zoo_rbm.TrainedRBM(run)

# %% tags=["measured"]
repeats = np.concatenate([np.arange(len(few)), np.repeat(np.flatnonzero(few_labels == 8), 50)])
scores = {
    "nothing": f1(few, few_labels),
    "weights": f1(few, few_labels, class_weight="balanced"),
    "repeated": f1(few[repeats], few_labels[repeats]),
    "sampled": f1(*sampler.oversample(few, few_labels)),
}
for name, score in scores.items():
    print(f"{name:9} F1 {score:.2f}")
assert min(scores[name] for name in ("weights", "repeated", "sampled")) > scores["nothing"]

# %% [markdown]
# Each cure helps. Between the three there is nothing to choose: the test split has 26 eights, and one of
# them more or less moves $F_1$ by some hundredths. Samples of the RBM add no information that the 20
# images do not have. So take the simplest cure, the weights.
#
# **Exercise 5.** The threshold of the classifier without a cure is one half. Lower it until the
# precision falls to one half. What are recall and $F_1$ then?

# %% [markdown]
# ## Shallow against deep
#
# ### Where depth helps, exactly
#
# The tent map $f(x) = 1 - |2x - 1|$ needs two ReLU units: $f(x) = 2\max(0, x) - 4\max(0, x - 0.5)$ on
# $[0, 1]$. Applied $k$ times it has $2^k$ linear pieces: $k$ layers of two units. With one hidden layer,
# each unit adds at most one bend, so $2^k - 1$ units are needed (Telgarsky 2016).

# %%
x = np.linspace(0, 1, 2**12 + 1)
y = x
for _ in range(6):
    y = 2 * np.maximum(0, y) - 4 * np.maximum(0, y - 0.5)
slopes = np.diff(y) / np.diff(x)
pieces = 1 + np.count_nonzero(np.diff(slopes))
print(f"six layers, 12 hidden units: {pieces} pieces; one layer needs {pieces - 1} units for them")
assert pieces == 2**6

# %% [markdown]
# ### Where it makes no difference
#
# That was a function made for depth. On the digits, two networks with nearly the same number of
# parameters, five seeds each, batch normalization and 15 epochs in both:

# %% tags=["measured"]
accuracy = {}
for name, units in (("shallow", [117]), ("deep", [64, 32, 32, 32])):
    sizes = zoo.build("mlp_classifier", units=units).count_params()
    runs = [
        zoo.train("mlp_classifier", "digits", units=units, epochs=15, seed=seed)
        for seed in range(5)
    ]
    accuracy[name] = np.array([run.history[-1]["val_accuracy"] for run in runs])
    print(f"{name:8} {sizes:,} parameters, accuracy {accuracy[name].mean():.3f}")
gain = accuracy["deep"] - accuracy["shallow"]
half = 2.776 * gain.std(ddof=1) / np.sqrt(5)  # Student's t for 5 values
print(
    f"deep minus shallow {gain.mean():.3f} ({gain.mean() - half:.3f} to {gain.mean() + half:.3f})"
)
assert abs(gain.mean()) < 0.03

# %% [markdown]
# The interval contains 0: on these small images, depth makes no difference that five seeds could show.
#
# **Exercise 6.** How many parameters has a network with one hidden layer that computes the 64 pieces
# above, and how many has the deep one?

# %% [markdown]
# ## Solutions
#
# **1.** Nine weights of $1/9$: each result is a mean of nine pixels. The standard deviation of a mean
# of nine independent numbers is a third of theirs.

# %%
noise = np.random.default_rng(0).normal(size=(500, 500)).astype("float32")
blurred = convolve(noise, np.full((3, 3), 1 / 9, "float32"))
print(f"{blurred.std():.3f}")
assert abs(blurred.std() - 1 / 3) < 0.01

# %% [markdown]
# **2.** Relative to the size of the values, the edges change more than what is left after pooling:
# the largest value of a square often stays in its square.


# %%
def after_pooling(image):
    """Return the edges, and the largest of each square of 4 × 4."""
    found = np.maximum(np.abs(convolve(image, down)), np.abs(convolve(image, down.T)))[:92, :92]
    return found, found.reshape(23, 4, 23, 4).max(axis=(1, 3))


changes = []
for before, after in zip(
    after_pooling(image), after_pooling(np.roll(image, 1, axis=1)), strict=True
):
    changes.append(np.abs(after - before)[:, 1:].mean() / before.mean())
print("relative change: edges {:.2f}, pooled {:.2f}".format(*changes))
assert changes[1] < changes[0]

# %% [markdown]
# **3.** By practically nothing: it has forgotten the input.

# %%
long = np.random.default_rng(0).normal(size=(2, 100, 3)).astype("float32")
long[1] = long[0]
long[1, 0] += 1
before, after = keras.ops.convert_to_numpy(layer(long))
print("change below 0.01:", bool(np.abs(before - after).max() < 0.01))
assert np.abs(before - after).max() < 0.01

# %% [markdown]
# **4.** All equal: a plain mean. One larger by 20: the weight of that one is 1 but for $10^{-8}$, and
# attention is a lookup.

# %%
for scores in (np.zeros(5), np.array([20.0, 0, 0, 0, 0])):
    print((np.exp(scores) / np.exp(scores).sum()).round(6))
assert 1 - np.exp(20) / (np.exp(20) + 4) < 1e-8

# %% [markdown]
# **5.** Half of the images that are called eight then are none, but more of the eights are found. A
# threshold belongs on the validation split; it is chosen on the test split here to keep the solution
# short, so the figures are a little too good.

# %%
model = LogisticRegression(max_iter=5000).fit(few.reshape(-1, 64) / 255, few_labels == 8)
p = model.predict_proba(X_test)[:, 1]
for threshold in np.linspace(0.5, 0.01, 50):
    called = p > threshold
    precision, recall = is_eight[called].mean(), called[is_eight].mean()
    if precision <= 0.5:
        break
best = 2 * precision * recall / (precision + recall)
print(f"threshold {threshold:.2f}  precision {precision:.2f}  recall {recall:.2f}  F1 {best:.2f}")
assert recall > 0.5

# %% [markdown]
# **6.** Shallow: 63 units with a weight and a bias each, 63 output weights and a bias:
# $3 \cdot 63 + 1 = 190$. Deep: $2 + 2$ for the first layer, $4 + 2$ for each of five more, and $2 + 1$ for the output: 37.

# %%
deep = [keras.layers.Dense(2, "relu") for _ in range(6)] + [keras.layers.Dense(1)]
shallow = [keras.layers.Dense(63, "relu"), keras.layers.Dense(1)]
counts = [keras.Sequential([keras.Input((1,)), *parts]).count_params() for parts in (shallow, deep)]
print(counts)
assert counts == [190, 37]

# %% [markdown]
# ## Sources
#
# - Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document
#   recognition. *Proceedings of the IEEE* 86, 1998.
# - S. Hochreiter, J. Schmidhuber: Long short-term memory. *Neural Computation* 9, 1997.
# - A. Vaswani et al.: Attention is all you need. NeurIPS 2017, arXiv:1706.03762.
# - S. Jain, B. Wallace: Attention is not explanation. NAACL 2019, arXiv:1902.10186.
# - P. Vincent et al.: Extracting and composing robust features with denoising autoencoders. ICML 2008.
# - P. Smolensky: Information processing in dynamical systems: harmony theory. 1986.
# - M. Telgarsky: Benefits of depth in neural networks. COLT 2016, arXiv:1602.04485.
