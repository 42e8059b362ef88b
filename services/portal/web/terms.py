"""What the codes are called that programmes declare in their terms (条款用语): findings, kinds, sources, results, grades, ways.

By the field in which a form asks for one; a list of what may stand there (``kinds``) is said by the same words (``words.said``).
``tests/portal/test_words.py`` fails on a code of any declaration's terms without a word.
"""

from __future__ import annotations

_OF: dict[str, dict[str, str]] = {
    # what was found
    "finding": {
        "hardship": "困难属实", "emergency": "急难", "already_covered": "已享受", "not_in_need": "不困难", "not_found": "查无此人",
        "true": "属实", "partly_true": "部分属实", "untrue": "不属实", "to_stop": "应停发", "to_adjust": "应调整", "to_grant": "应给予",
        "no_change": "无须变更", "our_record_wrong": "本地登记有误", "their_record_wrong": "对方登记有误",
        "changed_meanwhile": "期间已变更",
        "income_not_declared": "漏报收入", "property_not_declared": "漏报财产", "member_left": "成员已离开",
        "self_care_changed": "自理能力有变化", "no_caregiver": "无照料人", "care_not_given": "照料未落实", "house_unsafe": "住房不安全",
        "allowance_withheld": "供养金被截留", "ill_untreated": "有病未治",
    },
    # of what kind, and from whom
    "kind": {
        "death": "死亡", "hukou_moved": "户籍迁出", "certificate_expired": "残疾人证到期", "class_changed": "困难类别变化",
        "class_differs": "类别不一致", "eligible_not_granted": "应享未享", "only_here": "仅本地有", "only_there": "仅对方有",
        "embezzled": "侵占、挪用", "treated_badly": "作风问题", "granted_wrongly": "错保", "denied_wrongly": "漏保", "child": "困境儿童",
        "elder": "困难老人", "disaster": "灾害", "illness": "重病", "unemployment": "失业", "job_lost": "失业",
        "medical_cost": "大额医疗支出", "schooling": "就学支出", "property": "财产变动",
    },
    "source": {
        "village": "村（社区）", "grid": "网格员", "hotline": "热线", "volunteer": "志愿者", "social_worker": "社工", "visit": "走访、来访",
        "data_rule": "数据比对规则", "platform": "监测平台", "province": "上级下发", "department": "部门推送", "letter": "来信",
        "online": "网上", "jinmin": "金民系统", "inspection": "检查",
    },
    "reason": {
        "ex_poor_at_risk": "脱贫不稳定", "margin_at_risk": "边缘易致贫", "ex_poor_special": "脱贫户中的特殊困难", "key_person": "重点人员",
    },
    "urgency": {"normal": "一般", "urgent": "紧急", "red": "红色", "orange": "橙色", "yellow": "黄色"},
    # what came of it
    "result": {
        "correct": "无误", "error": "有误", "pass": "合格", "problem": "有问题", "confirmed": "继续享受", "adjusted": "调整",
        "terminated": "终止", "case_corrected": "个案已更正", "confirmed_after_check": "核查后维持", "included": "纳入救助",
        "temporary_aid": "临时救助", "partly_completed": "部分完成", "promoted": "推广", "kept_local": "本地保留",
        "not_continued": "不再继续",
    },
    "outcome": {"granted": "已给予", "referred": "已转介", "already_aided": "已获救助", "no_overlap": "无重复"},
    "grade": {"full": "全自理", "half": "半护理", "low": "一般", "middle": "较困难", "high": "特别困难"},
    "need": {
        "care": "照料", "employment_guidance": "就业指导", "home_environment": "居家环境", "income_support": "收入支持",
        "psychological_comfort": "心理慰藉", "resource_linking": "资源链接",
    },
    # how, by what, for how much
    "mode": {
        "community": "社区", "home": "居家", "day": "日间", "residential": "机构托养", "institution": "机构", "integrated": "医养结合",
        "on_site": "上门", "online": "线上",
    },
    "fee_rule": {"free": "免费", "low": "低偿"},
    "unit": {"fen": "元", "minutes": "分钟", "times": "次"},
    "period": {"month": "每月", "year": "每年"},
    "system": {"city_verification_platform": "市级核对平台"},
    "evidence": {
        "survey_sheet": "勘查表", "before_photo": "改造前照片", "after_photo": "改造后照片", "acceptance_sheet": "验收单",
        "household_signature": "户主签字", "scheme": "方案", "trial_report": "试点报告", "evaluation_report": "评估报告",
    },
    "choice": {
        "app": "掌上应用", "sms": "短信", "paper": "纸质", "visit": "上门", "apply": "申请", "submit": "提交材料",
        "collect_result": "代领结果",
        "district": "区级", "town": "镇街", "public": "公办公营", "public_built_private_run": "公办民营", "other": "其他",
    },
    "value": {"basic": "基本生活救助", "special": "专项救助", "emergency": "急难救助"},
    "payment": {"monthly": "按月", "once": "一次性", "none": "不发放"},
    "first_month": {"after": "确认次月", "of_application": "申请当月", "of_decision": "确认当月"},
    # parts of a publication that its terms name
    "required": {
        "name": "名称", "tier": "层次", "department": "主管部门", "documents": "所需材料", "eligible_class": "适用类别",
        "standard": "标准",
    },
    "optional": {"note": "备注"},
    "name": {"tier": "层次"},
}  # fmt: skip
_OF["case_result"] = _OF["result"]

CODES: dict[tuple[str, str], str] = {(field, code): word for field, of in _OF.items() for code, word in of.items()}
