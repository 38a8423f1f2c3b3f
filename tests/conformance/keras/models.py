"""The models that `run` takes there and back: every layer class, and ways of putting layers together.

`all_models(keras)` makes them of the Keras that it is given, 3 or 2, by name: a class's name, with
"-words" behind it where there are several of one. Each is a function, called when it is needed, since a
Keras may lack the class.
"""
import numpy as np


def all_models(keras):
    layers = keras.layers

    def one(shape, make, dtype="float32"):
        """A model of one layer behind an input of this shape."""
        def build():
            x = keras.Input(shape, dtype=dtype)
            return keras.Model(x, make()(x))
        return build


    def merge(make, shapes=((4,), (4,))):
        def build():
            inputs = [keras.Input(shape) for shape in shapes]
            return keras.Model(inputs, make()(inputs))
        return build


    def attention():
        q, v = keras.Input((5, 6)), keras.Input((7, 6))
        return keras.Model([q, v], layers.MultiHeadAttention(2, 3, value_dim=4)(q, v))


    def attention_three():
        q, k, v = keras.Input((5, 6)), keras.Input((7, 6)), keras.Input((7, 4))
        return keras.Model([q, k, v], layers.MultiHeadAttention(2, 3)(q, v, k, use_causal_mask=True))


    def states():
        x = keras.Input((5, 3))
        y, h, c = layers.LSTM(4, return_state=True, return_sequences=True)(x)
        z = layers.LSTM(4)(y, initial_state=[h, c])
        return keras.Model(x, [z, h])


    def masked():
        x = keras.Input((6,), dtype="int32")
        y = layers.Embedding(9, 4, mask_zero=True)(x)
        return keras.Model(x, layers.LSTM(3)(y))


    def shared_nested():
        inner = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.BatchNormalization()])
        x = keras.Input((4,))
        y = inner(inner(x))
        p = keras.Input((4,))
        side = keras.Model(p, [layers.Dense(4)(p), layers.Dense(3)(p)])
        a, b = side(y)
        c, d = side(a)
        return keras.Model(x, [layers.Add()([a, c]), b, d])


    def partly_frozen():
        base = keras.Sequential([keras.Input((6,)), layers.Dense(5), layers.BatchNormalization(),
                                 layers.Dense(4)])
        base.layers[0].trainable = False
        x = keras.Input((6,))
        return keras.Model(x, layers.Dense(2)(base(x, training=False)))


    def many_branches():
        x = keras.Input((5,))
        ends = []
        for i in range(4):
            y = layers.Dense(3, name=f"b{i}_first")(x)
            for j in range(i):
                y = layers.Dense(3, name=f"b{i}_{j}")(y)
            ends.append(y)
        return keras.Model(x, layers.Concatenate()(ends[::-1]))


    def masking():
        x = keras.Input((6, 3))
        return keras.Model(x, layers.GRU(3)(layers.Masking(0.5)(x)))

    def two_inputs(make, *shapes):
        inputs = [keras.Input(shape) for shape in shapes]
        return keras.Model(inputs, make()(*inputs))

    def with_mask():
        q, v, mask = keras.Input((5, 6)), keras.Input((7, 6)), keras.Input((5, 7), dtype="bool")
        return keras.Model([q, v, mask],
                           layers.MultiHeadAttention(2, 3)(q, v, attention_mask=mask))

    def scores():
        q, v = keras.Input((5, 6)), keras.Input((7, 6))
        y, weights = layers.MultiHeadAttention(2, 3)(q, v, return_attention_scores=True)
        return keras.Model([q, v], [y, weights])

    def frozen_whole():
        base = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization()])
        base.trainable = False
        x = keras.Input((8, 8, 3))
        y = layers.GlobalAveragePooling2D()(base(x, training=False))
        return keras.Model(x, layers.Dense(2)(y))

    def deep():
        inner = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
        middle = keras.Sequential([keras.Input((4,)), inner, layers.Dense(4)])
        x = keras.Input((4,))
        return keras.Model(x, middle(middle(x)))

    def stack():
        return keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"),
                                 layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.2),
                                 layers.Dense(3, activation="softmax")])

    def augmented():
        return keras.Sequential([keras.Input((8, 8, 3)), layers.RandomFlip(), layers.RandomRotation(0.1),
                                 layers.RandomZoom(0.1), layers.Rescaling(1 / 255.0), layers.Conv2D(2, 3),
                                 layers.GaussianNoise(0.1), layers.GlobalAveragePooling2D()])

    def normalised():
        layer = layers.Normalization()
        layer.adapt(np.array([[1.0, 2, 3], [2.0, 4, 5], [0.0, 1, 9]]))
        x = keras.Input((3,))
        return keras.Model(x, layer(x))

    def rnn(cell):
        return lambda: layers.RNN(cell(), return_sequences=True)

    def both_ways():
        x = keras.Input((5, 3))
        y = layers.Bidirectional(layers.LSTM(2, return_sequences=True), merge_mode="concat")(x)
        return keras.Model(x, layers.TimeDistributed(layers.Dense(2))(y))

    image, sequence, volume = (8, 9, 4), (7, 4), (5, 6, 5, 2)
    return {
        "Dense": one((5,), lambda: layers.Dense(3, activation="gelu", kernel_initializer="he_normal",
                                                kernel_regularizer="l2")),
        "EinsumDense": one((4, 5), lambda: layers.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d")),
        "Conv1D": one(sequence, lambda: layers.Conv1D(5, 3, padding="causal", dilation_rate=2)),
        "Conv2D": one(image, lambda: layers.Conv2D(6, (3, 2), strides=2, padding="same", groups=2)),
        "Conv3D": one(volume, lambda: layers.Conv3D(3, 2, activation="relu")),
        "Conv1DTranspose": one(sequence, lambda: layers.Conv1DTranspose(3, 3, strides=2)),
        "Conv2DTranspose": one(image, lambda: layers.Conv2DTranspose(3, 3, strides=2, padding="same")),
        "DepthwiseConv1D": one(sequence, lambda: layers.DepthwiseConv1D(3, depth_multiplier=2)),
        "DepthwiseConv2D": one(image, lambda: layers.DepthwiseConv2D(3, depth_multiplier=2)),
        "SeparableConv1D": one(sequence, lambda: layers.SeparableConv1D(5, 3)),
        "SeparableConv2D": one(image, lambda: layers.SeparableConv2D(5, 3, padding="same")),
        "MaxPooling1D": one(sequence, lambda: layers.MaxPooling1D(2)),
        "MaxPooling2D": one(image, lambda: layers.MaxPooling2D((2, 3), strides=2, padding="same")),
        "MaxPooling3D": one(volume, lambda: layers.MaxPooling3D(2)),
        "AveragePooling1D": one(sequence, lambda: layers.AveragePooling1D(2)),
        "AveragePooling2D": one(image, lambda: layers.AveragePooling2D(2, padding="same")),
        "AveragePooling3D": one(volume, lambda: layers.AveragePooling3D(2)),
        "GlobalMaxPooling1D": one(sequence, lambda: layers.GlobalMaxPooling1D()),
        "GlobalMaxPooling2D": one(image, lambda: layers.GlobalMaxPooling2D(keepdims=True)),
        "GlobalMaxPooling3D": one(volume, lambda: layers.GlobalMaxPooling3D()),
        "GlobalAveragePooling1D": one(sequence, lambda: layers.GlobalAveragePooling1D()),
        "GlobalAveragePooling2D": one(image, lambda: layers.GlobalAveragePooling2D()),
        "GlobalAveragePooling3D": one(volume, lambda: layers.GlobalAveragePooling3D()),
        "Flatten": one(image, lambda: layers.Flatten()),
        "Reshape": one((6,), lambda: layers.Reshape((-1, 2))),
        "Permute": one((3, 4), lambda: layers.Permute((2, 1))),
        "RepeatVector": one((4,), lambda: layers.RepeatVector(3)),
        "ZeroPadding1D": one(sequence, lambda: layers.ZeroPadding1D((1, 2))),
        "ZeroPadding2D": one(image, lambda: layers.ZeroPadding2D(((1, 0), (2, 1)))),
        "ZeroPadding3D": one(volume, lambda: layers.ZeroPadding3D(1)),
        "Cropping1D": one(sequence, lambda: layers.Cropping1D((1, 2))),
        "Cropping2D": one(image, lambda: layers.Cropping2D(((1, 0), (2, 1)))),
        "Cropping3D": one(volume, lambda: layers.Cropping3D(1)),
        "UpSampling1D": one(sequence, lambda: layers.UpSampling1D(2)),
        "UpSampling2D": one(image, lambda: layers.UpSampling2D(2, interpolation="bilinear")),
        "UpSampling3D": one(volume, lambda: layers.UpSampling3D(2)),
        "Add": merge(layers.Add),
        "Subtract": merge(layers.Subtract),
        "Multiply": merge(layers.Multiply),
        "Average": merge(layers.Average),
        "Maximum": merge(layers.Maximum),
        "Minimum": merge(layers.Minimum),
        "Concatenate": merge(lambda: layers.Concatenate(axis=1), ((2, 3), (4, 3))),
        "Dot": merge(lambda: layers.Dot(axes=1, normalize=True)),
        "BatchNormalization": one(image, lambda: layers.BatchNormalization(momentum=0.9)),
        "LayerNormalization": one((4, 5), lambda: layers.LayerNormalization(axis=1)),
        "GroupNormalization": one(image, lambda: layers.GroupNormalization(2)),
        "UnitNormalization": one((4, 5), lambda: layers.UnitNormalization()),
        "RMSNormalization": one((4, 5), lambda: layers.RMSNormalization()),
        "Activation": one((4,), lambda: layers.Activation("swish")),
        "ReLU": one((4,), lambda: layers.ReLU(max_value=1.5, negative_slope=0.1, threshold=0.2)),
        "LeakyReLU": one((4,), lambda: layers.LeakyReLU(0.2)),
        "PReLU": one((4, 5), lambda: layers.PReLU(shared_axes=[1])),
        "ELU": one((4,), lambda: layers.ELU(alpha=0.7)),
        "Softmax": one((4, 5), lambda: layers.Softmax(axis=1)),
        "Dropout": one((4,), lambda: layers.Dropout(0.3)),
        "AlphaDropout": one((4,), lambda: layers.AlphaDropout(0.3)),
        "GaussianDropout": one((4,), lambda: layers.GaussianDropout(0.3)),
        "GaussianNoise": one((4,), lambda: layers.GaussianNoise(0.3)),
        "SpatialDropout1D": one(sequence, lambda: layers.SpatialDropout1D(0.3)),
        "SpatialDropout2D": one(image, lambda: layers.SpatialDropout2D(0.3)),
        "SpatialDropout3D": one(volume, lambda: layers.SpatialDropout3D(0.3)),
        "ActivityRegularization": one((4,), lambda: layers.ActivityRegularization(l2=0.1)),
        "Rescaling": one((4,), lambda: layers.Rescaling(1 / 3, offset=-0.5)),
        "Normalization": one((4,), lambda: layers.Normalization(mean=[1.0, 2, 3, 4], variance=[2.0, 1, 3, 4])),
        "CenterCrop": one(image, lambda: layers.CenterCrop(4, 5)),
        "Resizing": one(image, lambda: layers.Resizing(5, 4)),
        "RandomFlip": one(image, lambda: layers.RandomFlip("horizontal", seed=3)),
        "RandomRotation": one(image, lambda: layers.RandomRotation(0.1, seed=3)),
        "RandomZoom": one(image, lambda: layers.RandomZoom(0.1, seed=3)),
        "RandomTranslation": one(image, lambda: layers.RandomTranslation(0.1, 0.2, seed=3)),
        "RandomContrast": one(image, lambda: layers.RandomContrast(0.1, seed=3)),
        "Embedding": one((6,), lambda: layers.Embedding(9, 4), "int32"),
        "Embedding-masked": masked,
        "Masking": masking,
        "LSTM": one(sequence, lambda: layers.LSTM(5, return_sequences=True)),
        "LSTM-states": states,
        "GRU": one(sequence, lambda: layers.GRU(5)),
        "GRU-before": one(sequence, lambda: layers.GRU(5, reset_after=False, go_backwards=True)),
        "SimpleRNN": one(sequence, lambda: layers.SimpleRNN(5)),
        "Bidirectional": one(sequence, lambda: layers.Bidirectional(layers.GRU(3), merge_mode="sum")),
        "TimeDistributed": one((3, 6, 6, 2), lambda: layers.TimeDistributed(layers.Conv2D(3, 3))),
        "MultiHeadAttention": attention,
        "MultiHeadAttention-three": attention_three,
        "Attention": merge(layers.Attention, ((4, 5), (6, 5))),
        "AdditiveAttention": merge(layers.AdditiveAttention, ((4, 5), (6, 5))),
        "nested": shared_nested,
        "partly-frozen": partly_frozen,
        "branches": many_branches,
        "Conv3DTranspose": one(volume, lambda: layers.Conv3DTranspose(2, 2, strides=2)),
        "AdaptiveAveragePooling1D": one(sequence, lambda: layers.AdaptiveAveragePooling1D(3)),
        "AdaptiveAveragePooling2D": one(image, lambda: layers.AdaptiveAveragePooling2D((2, 3))),
        "AdaptiveAveragePooling3D": one(volume, lambda: layers.AdaptiveAveragePooling3D(2)),
        "AdaptiveMaxPooling1D": one(sequence, lambda: layers.AdaptiveMaxPooling1D(3)),
        "AdaptiveMaxPooling2D": one(image, lambda: layers.AdaptiveMaxPooling2D((2, 3))),
        "AdaptiveMaxPooling3D": one(volume, lambda: layers.AdaptiveMaxPooling3D(2)),
        "Identity": one((4,), lambda: layers.Identity()),
        "CategoryEncoding": one((6,), lambda: layers.CategoryEncoding(9, output_mode="multi_hot"), "int32"),
        "Discretization": one((4,), lambda: layers.Discretization([-0.5, 0.0, 0.7])),
        "Normalization-adapted": normalised,
        "RandomBrightness": one(image, lambda: layers.RandomBrightness(0.1, seed=3)),
        "RandomCrop": one(image, lambda: layers.RandomCrop(8, 9, seed=3)),
        "RandomShear": one(image, lambda: layers.RandomShear(0.1, 0.1, seed=3)),
        "RNN": one(sequence, rnn(lambda: layers.LSTMCell(3))),
        "LSTMCell": one(sequence, rnn(lambda: layers.LSTMCell(3, recurrent_activation="tanh"))),
        "GRUCell": one(sequence, rnn(lambda: layers.GRUCell(3))),
        "SimpleRNNCell": one(sequence, rnn(lambda: layers.SimpleRNNCell(3))),
        "StackedRNNCells": one(sequence, rnn(lambda: layers.StackedRNNCells(
            [layers.LSTMCell(3), layers.LSTMCell(2)]))),
        "Bidirectional-sequences": both_ways,
        "MultiHeadAttention-mask": with_mask,
        "MultiHeadAttention-scores": scores,
        "GroupQueryAttention": lambda: two_inputs(lambda: layers.GroupQueryAttention(2, 4, 2), (5, 6), (7, 6)),
        "frozen": frozen_whole,
        "deep": deep,
        "stack": stack,
        "augmented": augmented,
    }
