"""Texts of a figure."""

from matplotlib.text import Text


def texts(figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
