"""Luma and chroma of the Y'CbCr of JPEG files: ITU-R BT.601, full range (ITU-T T.871, section 7).

The matrices take NumPy arrays and Keras tensors alike. Chroma is centered: gray is 0, not 128.
"""

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114], "float32")
"""Y' = 0.299 R + 0.587 G + 0.114 B."""

TO_CHROMA = np.float32((np.eye(3)[:, [2, 0]] - LUMA[:, None]) / [1.772, 1.402])
"""`color @ TO_CHROMA` is Cb = (B - Y') / 1.772 and Cr = (R - Y') / 1.402."""

TO_COLOR = np.zeros((2, 3), "float32")
"""`luma + chroma @ TO_COLOR` is red, green and blue: the inverse."""
TO_COLOR[0, 2], TO_COLOR[1, 0] = 1.772, 1.402
TO_COLOR[:, 1] = -(TO_COLOR @ LUMA) / LUMA[1]


def luma_of(color):
    """Return the luma of colors as gray levels from 0 to 255, uint8 `[..., 1]`."""
    return np.rint(color @ LUMA).astype("uint8")[..., None]
