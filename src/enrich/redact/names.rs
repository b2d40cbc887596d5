//! Names of people by context: the words that introduce a name, or the title that follows it,
//! with a surname dictionary for Chinese and capital letters for English.
//!
//! Invariants: probabilistic (a name without context stays); a bare surname is only taken with a
//! title. It does not look for names of organisations.

use std::sync::LazyLock;

use super::PiiKind;
use super::char_set::CharSet;
use super::spans::Spans;
use super::view::{View, is_han};

const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡鞠惠荆乐冀郁胥南班储原栗燕楚鄢劳谌奚皮粟冼蔺楼盘满闻位厉伊仝区郜海阚花权强帅屠豆朴盖练廉禹井祖漆巴丰支卿国狄平计索宣晋相初门云容敬来扈晁芮都普阙浦戈伏鹿薄邸雍辜羊阿乌母裘亓修邰赫杭况那宿鲜印逯隆茹诺战慕危玉银亢嵇公哈湛宾戎勾茅利於呼居揭干但尉冶斯元束檀衣信展阴昝智幸奉植衡富尧闭由折郸訾";
/// Surnames that are everyday characters: only after strong words and never as a bare surname.
const RARE: &str =
    "和时位来国平计但都由信相初门那干折公利全应成明强满利元展单海花管路区位连从查解豆";
const COMPOUND: [&str; 28] = [
    "欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "夏侯",
    "长孙", "宇文", "端木", "百里", "南宫", "独孤", "轩辕", "闻人", "呼延", "申屠", "太史", "淳于",
    "钟离", "澹台", "拓跋", "第五",
];
/// Characters that end a given name because they are function words or begin the next phrase.
const NOT_GIVEN: &str = "的是在了我你他她它们先女电手号住要想有和与说打来请吗呢啊吧呀不没就也都很还会能可以去到从给把被让这那哪什么怎为因所但而且或及跟向对于个身份证联系地址邮箱卡账户号码微信已经今昨前后刚才问查办帮拨反投需用买订退换收寄付交开关话机件人者主银行客服您此该再又只每几多少年月日时分一二三四五六七八九十百千万两位便元会员预贵经理老师太阿吃看听叫做姓名字写填改删改错误啦哦嗯哈呵嘛么";
/// Characters that are frequent in given names: asked for where the context alone is weak.
const GIVEN: &str = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂鹏飞华玲辉红建国志文斌云峰波宁浩宇婷雪梅琳晶鑫欣悦慧颖洁晓佳嘉怡萍莉丹凤春琴燕瑞凯健俊帆旭阳龙海林东亮成康光天达安岩中茂进有坚和彪博诚先敬震振壮会思群豪心邦承乐绍功松善厚庆民友裕河哲江泽晨辰士以致树炎德行时泰盛雄琛钧冠策腾楠榕风航弘义良仁山才发武新利清彬富顺信子胜学祥元全福生贵保昌毅仪翔炜轩睿轩梓涵萱子涵诗琪雅彤瑶怡婧妍茜秋珊莎锦黛青倩婉娴瑾露蓉眉君梦岚苑婕馨瑗琰韵融园艺咏卿聪澜纯毓昭冰爽琬茗羽希宁蕊薇菁芬芝素云莲真环荣爱妹香月莺媛瑛韶柔柳贝娅琦如若紫娟小远光圆旺银金钰玉珍珠珂巧美淑惠素荷菊竹坤乾琨恒衡钊铭锋钢铁锐剑源泉洪波涌浪潮湘沛淳淼润泓涵渊清煜炳煌烨烁焕然熙焱炫灿勋尧圣彦彰庭延廷弛彤影征律御循忠恩恬悠愉慈懿才捷揽敦斐方昊昂昕昱晋晏晔晖晗智暄曼朗朝木本朴权李杏杉柏栋桐森楚槿正歌毛水永汉沁泊洲璐璇瑜琼瑶珩珏珊玥玮玫炅冕爽娜笑芸苗若英茵荔莹菲萌葵蓓蔚薛蕾藜虹裴言许诺谦谨豫贞贤赫超越跃轶辛迅近逸遥邃郁郎鉴铃镇长闯阔阿隽雁雯霄霏霖霓青靖静音顿颂颜飒飘骁骏骞高魁鸣鸿鹤鹭麒麟黎齐怀伦磊亦奕凡帅权恺绮绣缘羚翠耀聆肖舒航良芊云金雨珍萧依琦汐苒语沐宸奇乔舒安伊冉亚可艺凌甜念沫铠尔露星宝柱根财喜";
const TITLES: [&str; 6] = ["先生", "女士", "小姐", "太太", "大爷", "阿姨"];
/// Words before a title that end in a surname character but are no names.
const NOT_NAMES: [&str; 30] = [
    "对方", "双方", "官方", "我方", "贵方", "警方", "地方", "本周", "每周", "上周", "下周", "这周",
    "一周", "任何", "如何", "关于", "对于", "由于", "至于", "白金", "黄金", "现金", "年高", "马上",
    "以及", "房东", "老顾", "主任", "责任", "平安",
];
const STRONG: [&str; 38] = [
    "我叫",
    "叫做",
    "名叫",
    "姓名",
    "名字叫",
    "名字是",
    "名字",
    "联系人",
    "收件人",
    "收货人",
    "寄件人",
    "发件人",
    "经办人",
    "户主",
    "机主",
    "开户人",
    "持卡人",
    "投保人",
    "被保险人",
    "保险人",
    "申请人",
    "车主",
    "患者",
    "乘客",
    "旅客",
    "本人",
    "户名",
    "负责人",
    "代办人",
    "登记人",
    "预约人",
    "借款人",
    "办理人",
    "报修人",
    "投诉人",
    "业主",
    "访客",
    "收款人",
];
const WEAK: [&str; 8] = [
    "我是",
    "这里是",
    "我就是",
    "您是",
    "请问是",
    "我找",
    "问是",
    "找一下",
];

/// Words that begin with a surname character and follow labels.
const NOT_NAME_STARTS: [&str; 14] = [
    "谢谢", "关键", "安装", "马上", "时间", "单位", "方式", "全名", "信息", "以及", "车牌", "和",
    "关于", "金额",
];

/// The dictionaries above as sets.
struct Sets {
    surnames: CharSet,
    given: CharSet,
    not_given: CharSet,
}

fn sets() -> &'static Sets {
    static SETS: LazyLock<Sets> = LazyLock::new(|| {
        let heads = COMPOUND.iter().filter_map(|name| name.chars().next());
        Sets {
            surnames: CharSet::new(SURNAMES.chars().chain(heads)),
            given: CharSet::new(GIVEN.chars()),
            not_given: CharSet::new(NOT_GIVEN.chars()),
        }
    });
    &SETS
}

/// Names in Chinese and in English.
pub(super) fn find(view: &View, spans: &mut Spans) {
    if view.has_han {
        titled(view, spans);
        introduced(view, spans);
    }
    super::names_en::find(view, spans);
}

fn surname_length(view: &View, at: usize) -> usize {
    if !sets().surnames.contains(view.at(at)) {
        return 0;
    }
    if COMPOUND.iter().any(|name| view.starts_with(at, name)) {
        return 2;
    }
    usize::from(SURNAMES.contains(view.at(at)))
}

fn introduced(view: &View, spans: &mut Spans) {
    for start in 1..view.len() {
        let surname = surname_length(view, start);
        if surname == 0 {
            continue;
        }
        let given = given_length(view, start + surname);
        let end = start + surname + given;
        let named = |c: &char| sets().given.contains(*c);
        let rare = RARE.contains(view.at(start))
            && !(given == 2 && view.slice(end - 2, end).iter().all(named));
        if given == 0
            || rare
            || NOT_NAME_STARTS
                .iter()
                .any(|word| view.starts_with(start, word))
        {
            continue;
        }
        if view.labelled_closely(start, &STRONG) || is_weakly_introduced(view, start, surname, end)
        {
            spans.add(PiiKind::Name, start, end);
        }
    }
}

/// Characters of the given name at `at`, at most two; a title is none.
fn given_length(view: &View, at: usize) -> usize {
    let is_given = |i: usize| {
        is_han(view.at(i)) && !sets().not_given.contains(view.at(i)) && !is_titled(view, i)
    };
    // 一 counts things, and begins names such as 一诺 and 一鸣.
    let begins_with_one =
        view.at(at) == '一' && is_given(at + 1) && sets().given.contains(view.at(at + 1));
    if begins_with_one {
        return 2;
    }
    (at..at + 2).take_while(|&i| is_given(i)).count()
}

/// 我是 and the like introduce many things: the given name must be of name characters and the
/// phrase must end there.
fn is_weakly_introduced(view: &View, start: usize, surname: usize, end: usize) -> bool {
    let introduced = WEAK.iter().any(|word| view.ends_with(start, word));
    let given = view.slice(start + surname, end);
    let boundary = !is_han(view.at(end)) || view.at(end) == '的' || is_titled(view, end);
    introduced
        && boundary
        && !RARE.contains(view.at(start))
        && given.iter().all(|&c| sets().given.contains(c))
}

fn is_titled(view: &View, at: usize) -> bool {
    TITLES.iter().any(|title| view.starts_with(at, title))
}

fn titled(view: &View, spans: &mut Spans) {
    for at in 1..view.len() {
        if !is_titled(view, at) {
            continue;
        }
        if let Some(start) = titled_start(view, at) {
            spans.add(PiiKind::Name, start, at);
        }
    }
}

/// Where the name before a title begins: surname and up to two characters.
fn titled_start(view: &View, at: usize) -> Option<usize> {
    let mut loose = None;
    for given in [2_usize, 1] {
        for surname in [2_usize, 1] {
            let Some(start) = at.checked_sub(given + surname) else {
                continue;
            };
            let named = surname_length(view, start) == surname && !RARE.contains(view.at(start));
            let rest = view.slice(start + surname, at);
            if !named
                || rest
                    .iter()
                    .any(|&c| !is_han(c) || sets().not_given.contains(c))
            {
                continue;
            }
            if surname == 2 || rest.iter().all(|&c| sets().given.contains(c)) {
                return Some(start);
            }
            loose = loose.or(Some(start));
        }
    }
    let compound = at
        .checked_sub(2)
        .filter(|&s| COMPOUND.iter().any(|n| view.starts_with(s, n)));
    if compound.is_some() {
        return compound;
    }
    let bare = at - 1;
    let alone = SURNAMES.contains(view.at(bare)) && !RARE.contains(view.at(bare));
    if alone && !NOT_NAMES.iter().any(|word| view.ends_with(at, word)) {
        return Some(bare);
    }
    loose.filter(|_| !NOT_NAMES.iter().any(|word| view.ends_with(at, word)))
}
