"""Names on public pages (姓名遮蔽): the surname stays, the rest is one star, whatever its length (张三丰 → 张*).

One star for any length: 张* says less than 张** and 张*** do. What is not the beginning of a longer name is hidden whole, so that no
full name is ever shown.
"""

from __future__ import annotations

from typing import Literal

from shared.eventsourcing.events import ERASED

Keep = Literal["surname", "nothing"]
STAR = "*"

# 复姓: of these the surname is two characters.
TWO = """
欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连 澹台
皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于 司空 闾丘
亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋 夹谷 轩辕 令狐 段干
百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 西门 第五 东里 东宫 即墨 达奚 褚师 纳兰
"""
_TWO = frozenset(TWO.split())


def masked(name: str, keep: Keep) -> str:
    """A name as a page may show it. What was erased stays what it is."""
    bare = name.strip()
    if bare == ERASED:
        return ERASED
    if keep == "nothing" or len(bare) < 2:
        return STAR
    long = 2 if bare[:2] in _TWO and len(bare) > 2 else 1
    return bare[:long] + STAR
