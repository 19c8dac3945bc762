"""Tags by keyword, from pydicom's dictionary of PS3.6."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.datadict import tag_for_keyword


class _Tags(dict[str, int]):
    def __missing__(self, keyword: str) -> int:
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise KeyError(keyword)
        self[keyword] = int(tag)
        return int(tag)


TAG: Mapping[str, int] = _Tags()
