"""A review of the labels of a folder: suspects, and a page that corrects them."""

from keras_hybrid.train.review.label_noise import LabelNoise, label_noise
from keras_hybrid.train.review.label_review import LabelReview, review_labels

__all__ = ["LabelNoise", "LabelReview", "label_noise", "review_labels"]
