"""What is seen on a figure, for tests: its texts, and whether each is on the page and on no other."""

from matplotlib.backends.backend_agg import FigureCanvasAgg

from lib.display import figures


def texts(figure):
    """Every text that is seen: titles, labels, ticks within the axes, annotations, legends."""
    shown = [figure._suptitle] if figure._suptitle else []
    for legend in figure.legends:
        shown += legend.get_texts()
    for axis in figure.axes:
        shown += [axis.title, axis._left_title, axis.xaxis.label, axis.yaxis.label, *axis.texts]
        for side, limits in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
            for tick in side.get_major_ticks():
                if min(limits) <= tick.get_loc() <= max(limits) and tick.label1.get_visible():
                    shown.append(tick.label1)
    return [text for text in shown if text.get_visible() and text.get_text().strip()]


def apart_and_inside(figure, seen=texts):
    """Assert that every text that `seen` gives is on the page and lies on no other; [(text, box)]."""
    canvas, page = FigureCanvasAgg(figure), figure.bbox
    canvas.draw()
    boxes = [(text.get_text(), text.get_window_extent(canvas.get_renderer())) for text in seen(figure)]
    for told, box in boxes:
        inside = (box.x0 - page.x0, page.x1 - box.x1, box.y0 - page.y0, page.y1 - box.y1)
        assert min(inside) >= -1, f"{told!r} is cut off"
    for number, (told, box) in enumerate(boxes):
        for other, beside in boxes[number + 1 :]:
            assert not box.padded(-1).overlaps(beside.padded(-1)), f"{told!r} lies on {other!r}"
    return boxes


def inside(figure):
    """Every text of a figure, all of them on the page."""
    with figures.style():
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        shown = [figure._suptitle, *(text for legend in figure.legends for text in legend.get_texts())]
        for axis in figure.axes:
            shown += [axis.xaxis.label, *axis.texts, *axis.get_yticklabels()]
        for text in shown:
            box = text.get_window_extent(canvas.get_renderer())
            assert min(box.x0, box.y0, figure.bbox.x1 - box.x1, figure.bbox.y1 - box.y1) >= -1, text.get_text()
    return [text.get_text() for text in shown]


def drawn(figure, mark):
    """Where marks of one shape are drawn."""
    lines = figure.axes[0].get_lines()
    return sorted(float(x) for line in lines if line.get_marker() == mark for x in line.get_xdata())
