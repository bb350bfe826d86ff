"""Settings of Sphinx: ``sphinx-build -W --keep-going docs build/docs`` (extra ``docs``)."""

from fastml import __version__

project = "fastml"
author = "the fastml developers"
copyright = author
version = release = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "myst_parser"]
templates_path = ["_templates"]
exclude_patterns = ["_templates"]

autosummary_generate = True
toc_object_entries_show_parents = "hide"
autodoc_typehints = "none"  # the types stand in the docstrings, with shapes
numpydoc_show_class_members = False
default_role = "autolink"  # numpydoc's `name` in a docstring is a link where there is something of that name

myst_heading_anchors = 3

html_theme = "pydata_sphinx_theme"
html_title = f"fastml {version}"
html_static_path = ["_static"]
html_css_files = ["fastml.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
