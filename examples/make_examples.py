"""Makes the sample files of this folder: ``python examples/make_examples.py``. Seeded, so the files come out the same every time.

Nobody in them exists: resident IDs are put together from a district code, a birthday and a counter, with a right check digit.

households.csv, what the demo plays with (象山县; the standard is 1255 元 a person and month in 2023):
    XS0001  a couple with a child at school. The husband (first line, 户主) is of working age and earns 2600 元; the household
            gets 低保. In the demo 人社局 reports a new job of his.
    XS0002  a son (first line, 户主, earns 1500 元) and his grandmother-aged mother of 86, born 1937-03-15, with a pension of
            320 元. She draws 高龄津贴; in the demo she dies.
    others  one to four persons; most below the standard, about one in six above it; several over 80, some disabled or gravely ill.

households-with-mistakes.csv: four good households and one of every mistake a bureau's file has. The last column says which.
"""

from __future__ import annotations

import csv
import random
from datetime import date
from pathlib import Path

HERE = Path(__file__).parent
HEADER = [
    "户号", "姓名", "身份证号", "与户主关系", "行政区划", "城乡", "月收入(元)", "不计入收入(元)", "是否就业",
    "残疾等级", "残疾类别", "是否重病", "是否在校", "存款(元)", "有价证券(元)", "车辆", "房产",
]  # fmt: skip
# Street and town codes below 330225 (象山县): 丹东, 丹西, 爵溪, 石浦, 西周, 鹤浦, 贤庠, 墙头
TOWNS = ["330225001", "330225002", "330225003", "330225101", "330225102", "330225103", "330225104", "330225105"]
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧"
GIVEN = "建国秀英志强桂花明华玉兰海波丽娟永福春梅小军阿珍国平月仙伟民彩云晓东文静子轩欣怡"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def check_digit(first17: str) -> str:
    """The 18th character of a resident ID (GB 11643)."""
    return "10X98765432"[sum(int(d) * w for d, w in zip(first17, WEIGHTS, strict=True)) % 11]


class People:
    """Hands out names and resident IDs, no ID twice."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - sample data
        self.used: set[str] = set()

    def resident_id(self, born: date, woman: bool) -> str:
        for order in range(self.random.randrange(20, 400), 1000):
            first17 = f"330225{born:%Y%m%d}{order:03d}"
            if order % 2 == (0 if woman else 1) and first17 not in self.used:
                self.used.add(first17)
                return first17 + check_digit(first17)
        raise AssertionError("no number left for that day")

    def name(self, surname: str) -> str:
        return surname + "".join(self.random.sample(GIVEN, 2))

    def born(self, age: int) -> date:
        return date(2023 - age, self.random.randrange(1, 7), self.random.randrange(1, 29))  # before July: the age is reached


def person(people: People, surname: str, relation: str, age: int, woman: bool, **facts: str) -> dict[str, str]:
    born = date.fromisoformat(facts.pop("born", "") or people.born(age).isoformat())
    return {"姓名": people.name(surname), "身份证号": people.resident_id(born, woman), "与户主关系": relation, **facts}


def household(number: str, town: str, area: str, members: list[dict[str, str]], savings: int = 0, **more: str) -> list[dict[str, str]]:
    """The lines of one household; what belongs to all of it stands in the first line, town and 城乡 in each."""
    lines = [{"户号": number, "行政区划": town, "城乡": area, "月收入(元)": "0", "是否就业": "否", **m} for m in members]
    lines[0] |= {"存款(元)": str(savings), "有价证券(元)": "0", "车辆": "0", "房产": "1", **more}
    return lines


def good(people: People, count: int) -> list[dict[str, str]]:
    pick = people.random
    lines = household(
        "XS0001", "330225001", "城镇",
        [
            person(people, "陈", "户主", 38, False, born="1985-04-12", **{"月收入(元)": "2600", "是否就业": "是"}),
            person(people, "林", "配偶", 36, True, born="1987-09-03"),
            person(people, "陈", "子", 8, False, born="2015-05-20", 是否在校="是"),
        ],
        12000,
    )  # fmt: skip
    lines += household(
        "XS0002", "330225102", "农村",
        [
            person(people, "周", "户主", 56, False, born="1966-11-08", **{"月收入(元)": "1500", "是否就业": "是"}),
            person(people, "郑", "母", 86, True, born="1937-03-15", **{"月收入(元)": "320"}),
        ],
        8000,
    )  # fmt: skip
    for n in range(3, count + 1):
        surname, other = pick.choice(SURNAMES), pick.choice(SURNAMES)
        shape = pick.choices(["single_old", "old_couple", "family", "ill", "parent", "above"], [12, 12, 14, 8, 8, 9])[0]
        old = {"月收入(元)": str(pick.choice([290, 310, 350, 420, 560]))}
        work = {"月收入(元)": str(pick.randrange(12, 24) * 100), "是否就业": "是"}
        school = {"是否在校": "是"}
        if shape == "single_old":
            members = [person(people, surname, "户主", pick.randrange(66, 95), pick.random() < 0.5, **old)]
        elif shape == "old_couple":
            age = pick.randrange(68, 92)
            members = [
                person(people, surname, "户主", age, False, **old),
                person(people, other, "配偶", age - pick.randrange(0, 5), True, **old),
            ]
        elif shape == "family":
            members = [
                person(people, surname, "户主", pick.randrange(30, 50), False, **work),
                person(people, other, "配偶", pick.randrange(28, 48), True),
                person(people, surname, "女", pick.randrange(6, 18), True, **school),
            ]
            if pick.random() < 0.4:
                members.append(person(people, surname, "父", pick.randrange(70, 90), False, **old))
        elif shape == "ill":
            facts = pick.choice(
                [
                    {"残疾等级": "一级", "残疾类别": "肢体"},
                    {"残疾等级": "二级", "残疾类别": "精神"},
                    {"残疾等级": "三级", "残疾类别": "智力"},
                    {"是否重病": "是"},
                ]
            )
            members = [
                person(people, surname, "户主", pick.randrange(35, 65), False, **facts),
                person(people, other, "配偶", pick.randrange(35, 60), True, **work),
            ]
        elif shape == "parent":
            members = [
                person(people, surname, "户主", pick.randrange(32, 48), True, **work),
                person(people, other, "子", pick.randrange(7, 18), False, **school),
            ]
        else:
            members = [
                person(
                    people,
                    surname,
                    "户主",
                    pick.randrange(30, 55),
                    False,
                    **{"月收入(元)": str(pick.randrange(45, 80) * 100), "是否就业": "是"},
                ),
                person(people, other, "配偶", pick.randrange(30, 55), True, **{"月收入(元)": "3200", "是否就业": "是"}),
            ]
        lines += household(
            f"XS{n:04d}",
            pick.choice(TOWNS),
            pick.choice(["城镇", "农村"]),
            members,
            pick.randrange(0, 16) * 1000,
            **({"车辆": "1"} if shape == "above" else {}),
        )
    return lines


def with_mistakes(people: People) -> list[dict[str, str]]:
    def one(n: int, why: str, **facts: str) -> dict[str, str]:
        line = household(f"CW{n:02d}", "330225101", "农村", [person(people, "吴", "户主", 60 + n, False)])[0]
        return {**line, "月收入(元)": "300", **facts, "说明": why}

    first = one(1, "无误")
    wrong = one(2, "校验位不符")
    digit = wrong["身份证号"][-1]
    wrong["身份证号"] = wrong["身份证号"][:-1] + ("1" if digit != "1" else "2")
    couple = household("CW09", "330225102", "农村", [person(people, "何", "户主", 50, False), person(people, "高", "配偶", 48, True)])
    couple[1] |= {"月收入(元)": "壹仟", "说明": "金额不是数字，所在的户不导入"}
    return [
        first,
        wrong,
        one(3, "金额为负", **{"月收入(元)": "-200"}),
        one(4, "金额荒谬（多半以分填写）", **{"月收入(元)": "12550000000"}),
        one(5, "没有这样的乡镇", 行政区划="象西镇"),
        one(6, "他县的乡镇", 行政区划="330226101"),
        one(7, "与第一行为同一人", 身份证号=first["身份证号"]),
        one(8, "缺少姓名", 姓名=""),
        *couple,
        one(10, "没有户主", 与户主关系="子"),
        one(11, "不计入收入大于月收入", **{"不计入收入(元)": "500"}),
        one(12, "全角数字和千分位，无误", **{"月收入(元)": "￥１,０００.５０", "存款(元)": "12,000"}),
        one(13, "身份证号只有十七位", 身份证号="33022519600101001"),
        one(14, "无误", 是否重病="√"),
        {**one(15, "缺少户号"), "户号": ""},
        one(16, "无误", 残疾等级="2", 残疾类别="视力残疾"),
    ]


def write(name: str, header: list[str], lines: list[dict[str, str]], encoding: str) -> None:
    with (HERE / name).open("w", newline="", encoding=encoding) as file:
        out = csv.DictWriter(file, header, restval="", lineterminator="\n")
        out.writeheader()
        out.writerows(lines)


def main() -> None:
    write("households.csv", HEADER, good(People(20230701), 60), "utf-8-sig")  # with BOM, as Excel likes it
    write("households-with-mistakes.csv", [*HEADER, "说明"], with_mistakes(People(20230702)), "utf-8")


if __name__ == "__main__":
    main()
