//! Names that fill slots: places, plans, products, days, people.

pub(in super::super) const CITIES: &[&str] = &[
    "上海",
    "杭州",
    "苏州",
    "成都",
    "武汉",
    "西安",
    "郑州",
    "长沙",
    "广州",
    "深圳",
    "南宁",
    "昆明",
    "沈阳",
    "哈尔滨",
    "济南",
    "青岛",
    "合肥",
    "福州",
    "厦门",
    "兰州",
    "乌鲁木齐",
    "呼和浩特",
];
pub(in super::super) const CITIES_EN: &[&str] = &[
    "Shanghai",
    "Hangzhou",
    "Chengdu",
    "Wuhan",
    "Guangzhou",
    "Shenzhen",
    "Qingdao",
    "Xiamen",
];
pub(in super::super) const PLANS: &[&str] = &[
    "畅享59",
    "畅享99",
    "畅享129",
    "融合199",
    "融合299",
    "青春卡",
    "孝心卡",
    "冰激凌169",
    "日租卡",
    "全家享159",
];
pub(in super::super) const PLANS_EN: &[&str] = &[
    "Easy 59",
    "Easy 99",
    "Family 159",
    "Fusion 199",
    "Visitor 30",
];
pub(in super::super) const PRODUCTS: &[&str] = &[
    "扫地机器人",
    "空气炸锅",
    "蓝牙耳机",
    "手机壳",
    "羽绒服",
    "儿童手表",
    "电饭煲",
    "路由器",
    "平板电脑",
    "投影仪",
    "运动鞋",
    "奶粉",
    "洗衣液",
    "护眼台灯",
    "折叠手机",
    "智能门锁",
];
pub(in super::super) const PRODUCTS_EN: &[&str] = &[
    "robot vacuum",
    "rice cooker",
    "headset",
    "down jacket",
    "tablet",
    "router",
    "smart lock",
];
pub(in super::super) const DAYS: &[&str] = &[
    "昨天",
    "前天",
    "今天上午",
    "今天下午",
    "明天",
    "后天",
    "周一",
    "周三",
    "周五",
    "周末",
    "月底",
    "下周二",
];
pub(in super::super) const DAYS_EN: &[&str] = &[
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "the weekend",
    "the 1st",
    "the 15th",
];
pub(in super::super) const PARTS_OF_DAY: &[&str] =
    &["", "", "早上", "上午", "中午", "下午", "晚上"];
pub(in super::super) const MONTHS_EN: &[&str] = &[
    "January",
    "March",
    "April",
    "June",
    "July",
    "September",
    "October",
    "November",
    "December",
];
pub(in super::super) const SURNAMES: &[&str] = &[
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林",
    "何", "郭", "马", "罗", "欧阳", "上官",
];
pub(in super::super) const GIVEN: &[&str] = &[
    "伟", "芳", "娜", "秀英", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟",
    "涛", "明", "超", "秀兰", "霞", "平", "刚", "桂英", "子轩", "梓涵", "浩然", "雨桐", "一诺",
    "思远", "嘉怡",
];
pub(in super::super) const NAMES_EN: &[&str] = &[
    "Emma Clarke",
    "Liam Murphy",
    "Noah Fischer",
    "Olivia Rossi",
    "Ava Novak",
    "Lucas Martin",
    "Mia Jensen",
    "Ethan Walker",
    "Sofia Garcia",
    "Oliver Brown",
];
pub(in super::super) const ROADS: &[&str] = &[
    "人民路",
    "解放大道",
    "中山北路",
    "建设街",
    "滨江路",
    "学府路",
    "科技园南路",
    "花园路",
    "长江路",
    "和平里西街",
];
pub(in super::super) const ESTATES: &[&str] = &[
    "幸福里",
    "锦绣花园",
    "翠湖苑",
    "阳光城",
    "金桂小区",
    "望江公寓",
];
