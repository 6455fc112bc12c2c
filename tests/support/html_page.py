"""A page as a browser would see it, without one."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """What a browser would see: the tags with their attributes, the texts, and tags that do not close."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(html)
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attributes):
        """Note a tag and, unless it is one that never closes, wait for its end."""
        self.tags.append((tag, dict(attributes)))
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        """Note a tag that closes itself."""
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        """Fail unless it closes the tag opened last."""
        assert self.open.pop() == tag

    def handle_data(self, text):
        """Note what a reader sees."""
        if self.open and self.open[-1] != "style":
            self.texts.append(text)

    def every(self, tag):
        """Return the attributes of each such tag."""
        return [attributes for name, attributes in self.tags if name == tag]
