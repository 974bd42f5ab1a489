"""Pages in `ko` say that they are in Korean: screen readers, translators and the choice of fonts go by it."""


def of_the_page(app, pagename, templatename, context, doctree):
    if pagename.startswith("ko/"):
        context["language"] = "ko"


def setup(app):
    app.connect("html-page-context", of_the_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
