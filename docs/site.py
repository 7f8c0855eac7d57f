"""What mkdocs.yml adds to MkDocs: links into the repository, and formulas without a script from another server."""
import html
import os
import re

import latex2mathml.converter


def on_page_markdown(markdown, page, config, files):
    """Links to files of the repository that are not part of the site lead to the repository."""
    root = os.path.normpath(config.docs_dir)

    def link(m):
        path, _, fragment = m[2].partition("#")
        if not path or ":" in path:
            return m[0]
        target = os.path.normpath(os.path.join(root, os.path.dirname(page.file.src_uri), path))
        if files.get_file_from_path(os.path.relpath(target, root)) or not os.path.exists(target):
            return m[0]
        kind = "tree" if os.path.isdir(target) else "blob"
        relative = os.path.relpath(target, os.path.dirname(root))
        return f"{m[1]}({config.repo_url}/{kind}/main/{relative}{'#' + fragment if fragment else ''})"

    return re.sub(r"(\[[^\]]*\])\(([^)\s]+)\)", link, markdown)


def on_page_content(content, page, config, files):
    """Formulas of notebooks become MathML."""
    if not page.file.src_uri.endswith(".ipynb"):
        return content

    def formula(m):
        block = m[1] is not None
        return latex2mathml.converter.convert(html.unescape(m[1] or m[2]), display="block" if block else "inline")

    parts = re.split(r"(?s)(<(pre|code|script|style|svg)\b.*?</\2>)", content)
    for i in range(0, len(parts), 3):
        parts[i] = re.sub(r"(?s)\$\$(.+?)\$\$|\$([^$]+?)\$", formula, parts[i])
    return "".join(part for i, part in enumerate(parts) if i % 3 != 2)
