"""Annotations of images as their files hold them."""


def xml(*objects: str, filename: str = "") -> str:
    """Return an annotation of Pascal VOC."""
    return "\n".join(["<annotation>", f"<filename>{filename}</filename>", *objects, "</annotation>"])


def voc_object(name: str, *corners: object, difficult: int = 0) -> str:
    names = ("xmin", "ymin", "xmax", "ymax")
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in zip(names, corners, strict=True))
    return f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{inner}</bndbox></object>"
