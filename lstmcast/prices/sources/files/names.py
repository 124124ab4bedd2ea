"""What exporters call their columns, in the languages they write: a new exporter is a line here.

A line of `NAMES` says: these names stand for that column, in this language, with that rank. Of two
columns that could be one, the lower rank wins: a real `close` beats a `price`. Two of the same rank
are ambiguous, and the file is refused with both names.

Names are compared after `plain`, so that `<CLOSE>`, `Close*`, `4. close` and `Close (USD)` are one.
"""

import re
import unicodedata
from typing import NamedTuple

FIELDS = ("date", "open", "high", "low", "close", "adj_close", "volume", "dividends", "splits")
"""What is read; `symbol` beside them tells whose row it is."""

SYMBOL = "symbol"
ROLES = (*FIELDS, SYMBOL)


class Line(NamedTuple):
    """Names of one column: its role, their rank (1 is best), their language, and the names."""

    role: str
    rank: int
    language: str
    names: str


NAMES = (
    # --- when
    Line(
        "date", 1, "en",
        "date | trade date | trading date | traded date | trading day | tradedate"
        " | observation date | session | session date | quote date | price date | pricing date"
        " | business date | biz date | biz dt | bizdt | trad dt | effective date"
        " | exchange date | local date | date1 | caldt | datadate | trddt | date dd mmm yyyy"
        " | as of date | asof date | valuation date | nav date | date of trade | date gmt"
        " | date utc | dtyyyymmdd",
    ),
    Line(
        "date", 2, "en",
        "datetime | date time | date and time | datetime utc | date time utc | dt",
    ),
    Line(
        "date", 3, "en",
        "open time | opentime | kline open time | candle begin time | window start"
        " | time period start | bar time | begin | start | start time | gmt time | local time"
        " | time utc | time gmt | candle date time utc | day",
    ),
    Line(
        "date", 4, "en",
        "timestamp | time | unix | unix timestamp | unix time | epoch | ts | t | timestamp utc"
        " | timestamp ms | unix timestamp ms",
    ),
    Line("date", 1, "de", "datum | handelstag | börsentag | kursdatum"),
    Line("date", 1, "fr", "date de cotation | jour | séance | date séance"),
    Line("date", 1, "es", "fecha | fecha de cotización | sesión | fecha negociación"),
    Line("date", 1, "pt", "data do pregão | pregão | data pregão | dt pregao | dia"),
    Line("date", 1, "latin", "data"),
    Line("date", 1, "sv", "dato | päivämäärä"),
    Line("date", 1, "tr", "tarih | hgdg tarih | i̇şlem tarihi | islem tarihi"),
    Line("date", 1, "ru", "дата | дата торгов"),
    Line("date", 1, "id", "tanggal"),
    Line("date", 1, "vi", "ngày | ngay"),
    Line("date", 1, "el", "ημερομηνία | ημ/νία"),
    Line("date", 1, "cs", "dátum | datum obchodu | den obchodu"),
    Line("date", 1, "he", "תאריך"),
    Line("date", 1, "ar", "التاريخ | تاريخ"),
    Line("date", 1, "fa", "تاریخ"),
    Line("date", 1, "th", "วันที่"),
    Line("date", 1, "hi", "तारीख | दिनांक"),
    Line("date", 1, "ms", "tarikh"),
    Line("date", 1, "ja", "日付 | 日付け | 年月日 | 取引日 | 日時"),
    Line("date", 1, "ko", "일자 | 날짜 | 거래일 | 거래일자 | 기준일 | 기준일자"),
    Line("date", 1, "zh", "日期 | 交易日期 | 交易日 | 时间 | 時間 | 交易时间 | 净值日期"),
    Line("date", 9, "any", " | index | unnamed 0 | level 0"),
    # --- close
    Line(
        "close", 1, "en",
        "close | close price | closing price | closing | close last | last close | px close"
        " | cls pric | clsprc | prccd | c | closeprice | official close | close value"
        " | market close | closing value | daily close | close mid | mid close | end price",
    ),
    Line(
        "close", 2, "en",
        "px last | settle | settle price | settlement price | settlement | prc | sttlm pric"
        " | trade close | universal close price",
    ),
    Line(
        "close", 3, "en",
        "price | last | last price | last trade | last sale | latest | px | last traded price"
        " | trade price | sp500 price | index value | indexvalue | last value",
    ),
    Line(
        "close", 4, "en",
        "value | nav | net asset value | unit price | rate | index level | level | mid",
    ),
    Line(
        "close", 1, "de",
        "schluss | schlusskurs | schlußkurs | schluß | kurs schluss | schlusspreis",
    ),
    Line("close", 2, "de", "letzter | zuletzt | letzter kurs | kurs | letzter preis"),
    Line(
        "close", 1, "fr",
        "clôture | cloture | clot | clôt | cours de clôture | cours clôture | fermeture",
    ),
    Line("close", 2, "fr", "dernier | cours | dernier cours | der"),
    Line("close", 1, "es", "cierre | precio de cierre | precio cierre | cie"),
    Line("close", 2, "latin", "último | ultimo | últ"),
    Line(
        "close", 3, "latin",
        "último precio | precio | cotización | preço | prezzo | cotação | último preço"
        " | ultimo prezzo",
    ),
    Line("close", 1, "pt", "fechamento | fecho | preço de fechamento | preço fechamento | fech"),
    Line("close", 1, "it", "chiusura | prezzo di chiusura | prezzo chiusura"),
    Line("close", 1, "nl", "slot | slotkoers"),
    Line("close", 2, "nl", "laatste | koers"),
    Line("close", 1, "pl", "zamkniecie | zamknięcie | kurs zamknięcia | kurs zamkniecia"),
    Line("close", 2, "pl", "ostatnio"),
    Line("close", 1, "sv", "slutkurs | stängningskurs | stängning | lukukurs | lukkekurs"),
    Line("close", 2, "sv", "senaste | senast | seneste | siste | viimeisin | sidst"),
    Line(
        "close", 1, "tr",
        "kapanış | kapanis | kapanış fiyatı | kapanis fiyati | hgdg kapanis | kapanış tl"
        " | kapanış fiyatı tl",
    ),
    Line("close", 2, "tr", "şimdi | simdi | son | son fiyat | son fiyatı"),
    Line("close", 1, "ru", "закрытие | цена закрытия | закр"),
    Line("close", 2, "ru", "цена | последняя | последняя цена"),
    Line("close", 1, "id", "penutupan"),
    Line("close", 2, "id", "terakhir"),
    Line("close", 1, "vi", "đóng cửa | giá đóng cửa | đóng"),
    Line("close", 2, "vi", "lần cuối | giá"),
    Line("close", 1, "nl", "sluiten | sluiting | sluitkoers | slotprijs"),
    Line("close", 1, "el", "κλείσιμο | τιμή κλεισίματος"),
    Line("close", 2, "el", "τελευταία | τιμή"),
    Line("close", 1, "cs", "závěr | zavírací cena | záró | záróár | záverečná cena"),
    Line("close", 2, "cs", "poslední | utolsó"),
    Line("close", 1, "he", "שער נעילה | נעילה"),
    Line("close", 2, "he", "שער | אחרון"),
    Line("close", 1, "ar", "الإغلاق | الاغلاق | إغلاق | سعر الإغلاق"),
    Line("close", 2, "ar", "الأخير | السعر | آخر"),
    Line("close", 1, "fa", "قیمت پایانی | پایانی | پایانی مقدار"),
    Line("close", 2, "fa", "آخرین معامله | آخرین"),
    Line("close", 1, "th", "ราคาปิด | ปิด"),
    Line("close", 2, "th", "ล่าสุด | ราคาล่าสุด"),
    Line("close", 2, "hi", "मूल्य | कीमत"),
    Line("close", 2, "ms", "harga | harga terakhir"),
    Line("close", 1, "ja", "終値 | 終値 円"),
    Line("close", 1, "ko", "종가"),
    Line("close", 2, "ko", "현재가"),
    Line("close", 1, "zh", "收盘 | 收盘价 | 收市 | 收市价 | 收盤 | 收盤價 | 收市價 | 日收盘价"),
    Line("close", 2, "zh", "最新价 | 最新 | 成交价 | 单位净值"),
    # --- adjusted close
    Line(
        "adj_close", 1, "en",
        "adj close | adjclose | adjusted close | adjusted | closeadj | close adj"
        " | close adjusted | adjusted closing price | adj closing price | adjusted price"
        " | adj price | adjusted close price | adj close price | adjusted prices | adj closing"
        " | price adj | dividend adjusted close | split dividend adjusted close"
        " | closing price adjusted | adj c | adjustment close",
    ),
    Line("adj_close", 1, "ja", "調整後終値 | 調整後終値 円 | 修正後終値 | 調整終値 | 終値調整値"),
    Line("adj_close", 1, "ko", "수정종가 | 수정주가"),
    Line("adj_close", 1, "zh", "复权收盘价 | 前复权收盘价 | 后复权收盘价 | 复权价 | 还原收盘价"),
    Line(
        "adj_close", 1, "de",
        "schlusskurs bereinigt | schluss bereinigt | bereinigter schlusskurs | bereinigt",
    ),
    Line("adj_close", 1, "fr", "clôture ajustée | cours ajusté"),
    Line("adj_close", 1, "es", "cierre ajustado | último ajustado"),
    Line("adj_close", 1, "pt", "fechamento ajustado | fechamento aj"),
    Line("adj_close", 1, "tr", "düzeltilmiş kapanış | düzeltilmiş fiyat"),
    # --- open
    Line(
        "open", 1, "en",
        "open | open price | opening price | opening | px open | opn pric | opnpric | opnprc"
        " | prcod | o | openprice | openprc | open mid | mid open | start price | trade open",
    ),
    Line("open", 2, "en", "first | first price"),
    Line(
        "open", 1, "de",
        "erster | eröffnung | eröffn | eröffnungskurs | eroeffnung | eröffnungspreis | anfang"
        " | anfangskurs | start",
    ),
    Line("open", 1, "fr", "ouverture | ouv | cours ouverture | cours d'ouverture | 1er | premier"),
    Line("open", 1, "es", "apertura | precio apertura | precio de apertura | ape"),
    Line("open", 1, "pt", "abertura | preço de abertura | preço abertura | abert"),
    Line("open", 1, "it", "aperto | prezzo di apertura"),
    Line("open", 1, "nl", "opening | openingskoers"),
    Line("open", 1, "pl", "otwarcie | kurs otwarcia"),
    Line(
        "open", 1, "sv",
        "öppen | öppning | öppningskurs | åbning | åbningskurs | åpning | avaus",
    ),
    Line("open", 1, "tr", "açılış | acilis | açılış fiyatı | acilis fiyati | hgdg acilis"),
    Line("open", 1, "ru", "откр | открытие | цена открытия"),
    Line("open", 1, "id", "pembukaan"),
    Line("open", 1, "vi", "mở | mở cửa | giá mở cửa"),
    Line("open", 1, "nl", "openen | openingsprijs"),
    Line("open", 1, "el", "άνοιγμα | τιμή ανοίγματος"),
    Line("open", 1, "cs", "otevření | otevírací cena | nyitó | nyitóár"),
    Line("open", 1, "he", "פתיחה | שער פתיחה"),
    Line("open", 1, "ar", "الافتتاح | الفتح | افتتاح | مفتوح | سعر الافتتاح"),
    Line("open", 1, "fa", "اولین | قیمت اولین | اولین قیمت"),
    Line("open", 1, "th", "ราคาเปิด | เปิด"),
    Line("open", 1, "hi", "खुला"),
    Line("open", 1, "ms", "buka"),
    Line("open", 1, "ja", "始値 | 始値 円"),
    Line("open", 1, "ko", "시가 | 오픈"),
    Line(
        "open", 1, "zh",
        "开盘 | 开盘价 | 今开 | 开市 | 开市价 | 開盤 | 開盤價 | 開市價 | 日开盘价",
    ),
    # --- high
    Line(
        "high", 1, "en",
        "high | high price | highest | highest price | day high | px high | hgh pric | hghpric"
        " | hiprc | prchd | h | highprice | highprc | high mid | mid high | daily high | max"
        " | maximum | askhi | high value | trade high",
    ),
    Line(
        "high", 1, "de",
        "hoch | tageshoch | höchst | höchstkurs | hoechst | höchster | hoechstkurs"
        " | tageshöchst | tageshöchstkurs",
    ),
    Line("high", 1, "fr", "plus haut | haut | + haut | cours le plus haut | +haut"),
    Line(
        "high", 1, "latin",
        "máximo | máxima | máx | massimo | maximo | maxima | precio máximo | preço máximo"
        " | prezzo massimo",
    ),
    Line("high", 1, "nl", "hoog | hoogste"),
    Line("high", 1, "pl", "najwyzszy | najwyższy | max kurs | kurs max"),
    Line("high", 1, "sv", "högsta | högst | høj | høy | ylin | högstakurs | högsta kurs"),
    Line(
        "high", 1, "tr",
        "yüksek | yuksek | en yüksek | en yuksek fiyat | en yüksek fiyat | hgdg max",
    ),
    Line("high", 1, "ru", "макс | максимум | максимальная цена"),
    Line("high", 1, "id", "tertinggi"),
    Line("high", 1, "vi", "cao | cao nhất | giá cao nhất"),
    Line("high", 1, "el", "υψηλό | υψηλότερη | μέγιστο"),
    Line("high", 1, "cs", "maximální cena | legmagasabb | max ár"),
    Line("high", 1, "he", "גבוה | שער גבוה | גבוה יומי"),
    Line("high", 1, "ar", "الأعلى | أعلى | عالي | أعلى سعر"),
    Line("high", 1, "fa", "بیشترین | بالاترین | بیشترین قیمت"),
    Line("high", 1, "th", "ราคาสูงสุด | สูง | สูงสุด"),
    Line("high", 1, "hi", "उच्च"),
    Line("high", 1, "ms", "tinggi"),
    Line("high", 1, "ja", "高値 | 高値 円"),
    Line("high", 1, "ko", "고가"),
    Line("high", 1, "zh", "最高 | 最高价 | 高 | 最高價 | 日最高价"),
    # --- low
    Line(
        "low", 1, "en",
        "low | low price | lowest | lowest price | day low | px low | lw pric | lwpric | loprc"
        " | prcld | l | lowprice | lowprc | low mid | mid low | daily low | min | minimum"
        " | bidlo | low value | trade low",
    ),
    Line(
        "low", 1, "de",
        "tief | tagestief | tiefst | tiefstkurs | niedrigst | tiefster | tagestiefst"
        " | tagestiefstkurs",
    ),
    Line("low", 1, "fr", "plus bas | bas | + bas | cours le plus bas | +bas"),
    Line(
        "low", 1, "latin",
        "mínimo | mínima | mín | minimo | minima | precio mínimo | preço mínimo | prezzo minimo",
    ),
    Line("low", 1, "nl", "laag | laagste"),
    Line("low", 1, "pl", "najnizszy | najniższy | min kurs | kurs min"),
    Line("low", 1, "sv", "lägsta | lägst | lav | alin | lägsta kurs"),
    Line("low", 1, "tr", "düşük | dusuk | en düşük | en dusuk fiyat | en düşük fiyat | hgdg min"),
    Line("low", 1, "ru", "мин | минимум | минимальная цена"),
    Line("low", 1, "id", "terendah"),
    Line("low", 1, "vi", "thấp | thấp nhất | giá thấp nhất"),
    Line("low", 1, "el", "χαμηλό | χαμηλότερη | ελάχιστο"),
    Line("low", 1, "cs", "minimální cena | legalacsonyabb | min ár"),
    Line("low", 1, "he", "נמוך | שער נמוך | נמוך יומי"),
    Line("low", 1, "ar", "الأدنى | أدنى | منخفض | أدنى سعر"),
    Line("low", 1, "fa", "کمترین | پایین ترین | کمترین قیمت"),
    Line("low", 1, "th", "ราคาต่ำสุด | ต่ำ | ต่ำสุด"),
    Line("low", 1, "hi", "निम्न"),
    Line("low", 1, "ms", "rendah"),
    Line("low", 1, "ja", "安値 | 安値 円"),
    Line("low", 1, "ko", "저가"),
    Line("low", 1, "zh", "最低 | 最低价 | 低 | 最低價 | 日最低价"),
    # --- volume, in shares where a file has more than one
    Line(
        "volume", 1, "en",
        "volume | vol | total trade quantity | total traded quantity | tottrdqty | ttl trd qnty"
        " | ttl tradg vol | ttltradgvol | no of shares | number of shares | shares traded"
        " | traded volume | trading volume | share volume | total volume | volume shares"
        " | px volume | cshtrd | v | traded quantity | quantity traded | volume from"
        " | volumefrom | qty | quantity | dnshrtrd | turnover volume | shares | volume traded"
        " | candle acc trade volume",
    ),
    Line(
        "volume", 2, "en",
        "tickvol | tick volume | tickvolume | base volume | volume base | a volume",
    ),
    Line(
        "volume", 1, "de",
        "stücke | stuecke | umsatz stk | umsatz stück | stück | gehandelte stücke"
        " | umsatz in stück",
    ),
    Line("volume", 2, "de", "volumen"),
    Line("volume", 1, "fr", "quantité | titres | nombre de titres | volume titres | volumes"),
    Line("volume", 1, "es", "títulos | titulos | nº títulos | volumen títulos"),
    Line("volume", 1, "pt", "quantidade | quantidade negociada | qtd | volume ações"),
    Line("volume", 1, "it", "quantità | volumi"),
    Line("volume", 1, "pl", "wolumen"),
    Line("volume", 1, "sv", "volym | omsatt antall | totalomsætning stk | volyymi"),
    Line(
        "volume", 1, "tr",
        "hac | hacim lot | hacim adet | işlem miktarı | toplam işlem miktarı"
        " | toplam islem miktari | islem miktari | miktar | lot",
    ),
    Line("volume", 2, "tr", "hacim | hgdg hacim"),
    Line("volume", 1, "ru", "объём | объем"),
    Line("volume", 1, "vi", "kl | khối lượng | khối lượng giao dịch"),
    Line("volume", 1, "el", "όγκος"),
    Line("volume", 1, "cs", "objem | forgalom"),
    Line("volume", 1, "he", "נפח | מחזור"),
    Line("volume", 1, "ar", "الحجم | حجم | حجم التداول"),
    Line("volume", 1, "fa", "حجم معاملات"),
    Line("volume", 1, "th", "ปริมาณ"),
    Line("volume", 1, "hi", "मात्रा"),
    Line("volume", 1, "ja", "出来高 | 出来高 株 | 売買高"),
    Line("volume", 1, "ko", "거래량"),
    Line(
        "volume", 1, "zh",
        "成交量 | 成交量 股 | 成交量 手 | 交易量 | 总手 | 成交股數 | 成交股数 | 成交股"
        " | 日个股交易股数",
    ),
    # --- dividends and splits
    Line(
        "dividends", 1, "en",
        "dividends | dividend | ex dividend | div cash | divcash | dividend amount"
        " | cash dividend",
    ),
    Line(
        "splits", 1, "en",
        "splits | split | stock splits | stock split | split ratio | split factor | splitfactor"
        " | split coefficient",
    ),
    # --- whose row it is
    Line(
        SYMBOL, 1, "en",
        "symbol | ticker | tickers | symbols | sym | ts code | stock code | scrip code"
        " | security code | tckr symb | tckrsymb | instrument | instrument code | ric | tic"
        " | secid | sc code | code | stkcd | act symbol | ticker symbol | stock symbol"
        " | trading code | instrument series code | pair",
    ),
    Line(
        SYMBOL, 1, "zh",
        "股票代码 | 代码 | 证券代码 | 基金代码 | 指数代码 | 品种代码 | 股票代號 | 證券代號",
    ),
    Line(SYMBOL, 1, "ja", "コード | 銘柄コード | 証券コード"),
    Line(SYMBOL, 1, "ko", "종목코드 | 단축코드"),
    Line(SYMBOL, 1, "pt", "codneg | código | ativo | papel"),
    Line(SYMBOL, 1, "tr", "islem kodu | işlem kodu | hgdg hs kodu | hisse kodu | sembol"),
    Line(SYMBOL, 1, "vi", "mã ck | mã"),
    Line(
        SYMBOL, 2, "en",
        "name | stock | security | stock name | security name | security id | company | asset"
        " | sc name",
    ),
    Line(SYMBOL, 2, "zh", "股票名称 | 证券简称 | 名称"),
)  # fmt: skip

_NUMBERED = re.compile(r"^\d{1,2}[a-z]?\s*[.)]\s+")
_YAHOO_HTML = re.compile(r"^(adj close|close)\b.*price adjusted for.*", re.DOTALL)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BRACKETS = re.compile(r"\s*[(\[【].*?[)\]】]")
_BETWEEN = re.compile(r"[\s_./\\|:;,()\[\]【】-]+")


def plain(name: str) -> str:
    """Return a column's name without what exporters put around it, in small letters."""
    text = unicodedata.normalize("NFKC", name).strip(" \t\r\n\"'\ufeff<>*#")
    # Turkish dots are kept out of comparisons: "İ" would be two characters in small letters
    text = _CAMEL.sub(" ", text).casefold().replace("i̇", "i").replace("ı", "i")
    text = _NUMBERED.sub("", text)
    text = _YAHOO_HTML.sub(r"\1", text)
    return _BETWEEN.sub(" ", text.replace("*", "")).strip()


def _table() -> dict[str, tuple[Line, ...]]:
    found: dict[str, tuple[Line, ...]] = {}
    for line in NAMES:
        for name in line.names.split("|"):
            found[plain(name)] = (*found.get(plain(name), ()), line)
    return found


_BY_NAME = _table()


_COINS = re.compile(r"volume (?:in )?(?P<of>[a-z][a-z0-9]{1,5})")
_DOUBLED = re.compile(r"(?<=[^\W\d])\.\d{1,2}$")
_QUOTED_IN = ("usd", "usdt", "usdc", "busd", "eur", "gbp", "krw", "jpy", "try")


def lines_of(name: str) -> tuple[Line, ...]:
    """Return what a column of this name can be; a unit in brackets counts only if it is listed."""
    key = plain(name)
    if (whole := _BY_NAME.get(key)) is not None:
        return whole
    if coins := _COINS.fullmatch(key):  # `Volume BTC` beside `Volume USDT`: the first counts coins
        return (Line("volume", 3 if coins["of"] in _QUOTED_IN else 1, "en", name),)
    if (doubled := _DOUBLED.sub("", name)) != name:  # pandas numbers names that come twice
        return lines_of(doubled)
    bare = _BRACKETS.sub("", unicodedata.normalize("NFKC", name))
    lines = _BY_NAME.get(plain(bare), ()) if bare != name and bare.strip() else ()
    return tuple(line for line in lines if line.role != "volume" or _of_shares(name))


_MONEY = re.compile(
    r"[$€£¥₹]|\b(eur|usd|gbp|inr|rs|lacs|crores?|tl|try|chf|jpy|krw|cny|rub)\b|元|円|원"
)


def _of_shares(name: str) -> bool:
    """Whether a volume's unit in brackets is not money."""
    return _MONEY.search(name.casefold()) is None


def roles_of(name: str) -> set[str]:
    """Return the roles that a column of this name can have."""
    return {line.role for line in lines_of(name)}
