"""The formats that are tested, each on a file in that exact format: for the documentation.

What reads them is `names.py` and the other modules here; nothing depends on knowing the exporter.
"""

from typing import NamedTuple


class Exporter(NamedTuple):
    """One format.

    Args:
        key: the name of its test file.
        name: who writes it.
        header: how its header begins; empty where there is none, or the file is no text.
        note: what is particular about it.
    """

    key: str
    name: str
    header: str = ""
    note: str = ""


EXPORTERS = (
    Exporter(
        "yahoo-web",
        "Yahoo Finance, web download (until 2024)",
        "Date,Open,High,Low,Close,Adj Close,Volume",
        "",
    ),
    Exporter(
        "yahoo-page-copied",
        "Yahoo Finance, table copied from the page",
        "Date\tOpen\tHigh\tLow\tClose Close price adjusted for splits.",
        "dividends between the rows are read",
    ),
    Exporter(
        "yahoo-page-starred",
        "Yahoo Finance, table saved from the older page",
        "Date,Open,High,Low,Close*,Adj Close**,Volume",
        "",
    ),
    Exporter(
        "yfinance-download",
        "yfinance, `download().to_csv()`",
        "Price,Close,High,Low,Open,Volume",
        "header of three rows",
    ),
    Exporter(
        "yfinance-tickers",
        "yfinance, `download([...]).to_csv()`",
        "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume",
        "a level of tickers",
    ),
    Exporter(
        "yfinance-grouped",
        'yfinance, `download(..., group_by="ticker")`',
        "Ticker,AAPL,AAPL,AAPL,AAPL,AAPL,MSFT,MSFT,MSFT,MSFT,MSFT",
        "",
    ),
    Exporter("yfinance-parquet", "yfinance, `download([...]).to_parquet()`", "", ""),
    Exporter(
        "yfinance-history",
        "yfinance, `Ticker.history().to_csv()`",
        "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits",
        "",
    ),
    Exporter(
        "yfinance-tokyo-utc",
        "yfinance, Tokyo in UTC",
        "Date,Open,High,Low,Close,Volume",
        "15:00 UTC is the next day in Tokyo",
    ),
    Exporter(
        "stacked-frame",
        "pandas, `stack()` of several tickers",
        "Date,Ticker,Close,High,Low,Open,Volume",
        "",
    ),
    Exporter(
        "closes-wide",
        "pandas, closes of several tickers",
        "Date,AAPL,MSFT",
        "a column for each ticker",
    ),
    Exporter("feather", "pandas, `to_feather()`", "", ""),
    Exporter("flattened-tuples", "pandas, columns written as tuples", "\"('Close', 'AAPL')\"", ""),
    Exporter(
        "flattened-names", "pandas, columns joined to `Close_AAPL`", "Date,Close_AAPL,High_AAPL", ""
    ),
    Exporter("nasdaq", "Nasdaq.com, historical quotes", "Date,Close/Last,Volume,Open,High,Low", ""),
    Exporter(
        "investing-en",
        "Investing.com",
        '"Date","Price","Open","High","Low","Vol.","Change %"',
        "volumes in K, M, B",
    ),
    Exporter(
        "investing-de",
        "Investing.com in German",
        '"Datum","Zuletzt","Eröffn.","Hoch","Tief","Vol.","+/- %"',
        "",
    ),
    Exporter(
        "investing-es",
        "Investing.com in Spanish",
        '"Fecha","Último","Apertura","Máximo","Mínimo","Vol.","% var."',
        "",
    ),
    Exporter(
        "investing-pt",
        "Investing.com in Portuguese",
        '"Data","Último","Abertura","Máxima","Mínima","Vol.","Var%"',
        "",
    ),
    Exporter(
        "investing-fr",
        "Investing.com in French",
        '"Date","Dernier","Ouv.","Plus Haut","Plus Bas","Vol.","Variation %"',
        "",
    ),
    Exporter(
        "investing-tr",
        "Investing.com in Turkish",
        '"Tarih","Şimdi","Açılış","Yüksek","Düşük","Hac.","Fark %"',
        "",
    ),
    Exporter(
        "investing-it",
        "Investing.com in Italian",
        '"Data","Ultimo","Apertura","Massimo","Minimo","Vol.","Var. %"',
        "",
    ),
    Exporter(
        "investing-id",
        "Investing.com in Indonesian",
        '"Tanggal","Terakhir","Pembukaan"',
        "9.400 is nine thousand: other columns show the decimal comma",
    ),
    Exporter(
        "investing-ja", "Investing.com in Japanese", '"日付け","終値","始値","高値","安値"', ""
    ),
    Exporter("stooq", "Stooq, daily data of a symbol", "Date,Open,High,Low,Close,Volume", ""),
    Exporter(
        "stooq-pl", "Stooq in Polish", "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen", ""
    ),
    Exporter(
        "stooq-bulk", "Stooq, database of all symbols", "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>", ""
    ),
    Exporter("finam", "Finam", "<TICKER>;<PER>;<DATE>;<TIME>", ""),
    Exporter(
        "tradingview",
        "TradingView, chart data",
        "time,open,high,low,close,Volume",
        "seconds since 1970",
    ),
    Exporter(
        "tradingview-iso", "TradingView, ISO times", "time,open,high,low,close,Volume,Volume MA", ""
    ),
    Exporter(
        "binance-klines",
        "Binance, klines without a header",
        "",
        "no header: recognised by its layout",
    ),
    Exporter(
        "binance-us",
        "Binance, klines of 2025 in microseconds",
        "",
        "no header: recognised by its layout",
    ),
    Exporter(
        "binance-futures",
        "Binance, klines with a header",
        "open_time,open,high,low,close,volume,close_time",
        "",
    ),
    Exporter("ccxt", "CCXT, `fetch_ohlcv`", "timestamp,open,high,low,close,volume", ""),
    Exporter(
        "kraken", "Kraken, OHLCVT without a header", "", "no header: recognised by its layout"
    ),
    Exporter("coinbase", "Coinbase, candles", "time,low,high,open,close,volume", ""),
    Exporter(
        "cryptodatadownload",
        "CryptoDataDownload",
        "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD",
        "an address above the header",
    ),
    Exporter("mt4", "MetaTrader 4, history center", "", "no header: recognised by its layout"),
    Exporter(
        "mt5",
        "MetaTrader 5, bars",
        "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>",
        "the volume that is not zero",
    ),
    Exporter("tushare", "Tushare, `daily`", "ts_code,trade_date,open,high,low,close,pre_close", ""),
    Exporter(
        "akshare",
        "AKShare, `stock_zh_a_hist`",
        ",日期,股票代码,开盘,收盘,最高,最低,成交量",
        "volume in lots, as in the file",
    ),
    Exporter(
        "netease", "NetEase 163, GBK", "日期,股票代码,名称,收盘价,最高价,最低价,开盘价", "GBK"
    ),
    Exporter(
        "wind",
        "Wind, export of a quote",
        "代码,名称,日期,开盘价(元),最高价(元)",
        "GB18030, a line below the table",
    ),
    Exporter(
        "csmar", "CSMAR, header of three rows", "Stkcd,Trddt,Opnprc,Hiprc,Loprc,Clsprc,Dnshrtrd", ""
    ),
    Exporter(
        "twse",
        "Taiwan Stock Exchange, a month",
        '"日期","成交股數","成交金額","開盤價"',
        "Big5, years of the republic",
    ),
    Exporter(
        "nse-history", "NSE India, historical data", '"Date ","series ","OPEN ","HIGH ","LOW "', ""
    ),
    Exporter(
        "nse-bhavcopy",
        "NSE India, bhavcopy",
        "SYMBOL,SERIES,OPEN,HIGH,LOW,CLOSE,LAST,PREVCLOSE",
        "",
    ),
    Exporter(
        "nse-full-bhavcopy",
        "NSE India, full bhavcopy",
        "SYMBOL, SERIES, DATE1, PREV_CLOSE, OPEN_PRICE",
        "",
    ),
    Exporter("bse", "BSE India", "Date,Open Price,High Price,Low Price,Close Price,WAP", ""),
    Exporter("krx", "KRX data, cp949", "일자,종가,대비,등락률,시가,고가,저가,거래량", "cp949"),
    Exporter(
        "yahoo-japan",
        "Yahoo! Japan, Shift-JIS",
        "日付,始値,高値,安値,終値,出来高,調整後終値*",
        "Shift-JIS",
    ),
    Exporter(
        "ariva",
        "Ariva",
        "Datum;Erster;Hoch;Tief;Schlusskurs;Stuecke;Volumen",
        "pieces, not the money",
    ),
    Exporter("onvista", "Onvista", "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen", ""),
    Exporter(
        "comdirect",
        "Comdirect, cp1252",
        '"Datum";"Eröffnung";"Hoch";"Tief";"Schluss";"Volumen"',
        "cp1252, a title",
    ),
    Exporter(
        "boerse-frankfurt",
        "Börse Frankfurt",
        "Datum;Eröffnung;Schluss;Tageshoch;Tagestief;Umsatz (€);Umsatz (Stk.)",
        "",
    ),
    Exporter("boursorama", "Boursorama", "label\tdate\touv\thaut\tbas\tclot\tvol\tdevise", ""),
    Exporter(
        "abcbourse", "ABC Bourse, without a header", "", "no header: recognised by its layout"
    ),
    Exporter(
        "euronext",
        "Euronext Live",
        'Date;Open;High;Low;Last;Close;"Number of Shares"',
        "three titles",
    ),
    Exporter("bme", "Bolsa de Madrid", "Fecha;Cierre;Apertura;Máx.;Mín.;Volumen;Efectivo", ""),
    Exporter(
        "nasdaq-nordic",
        "Nasdaq Nordic",
        "Date;Bid;Ask;Opening price;High price;Low price;Closing price",
        "a line `sep=;`",
    ),
    Exporter(
        "borsa-istanbul",
        "Borsa İstanbul, in Turkish",
        "Tarih;Kapanış Fiyatı;Açılış Fiyatı",
        "cp1254",
    ),
    Exporter("b3", "B3, in Portuguese", "Data;Abertura;Máximo;Mínimo;Fechamento;Quantidade", ""),
    Exporter(
        "excel-europe",
        "Excel in a European locale",
        "Date;Open;High;Low;Close;Volume",
        "decimal comma, dotted dates",
    ),
    Exporter(
        "excel-unicode", "Excel, Unicode text", "Date\tOpen\tHigh\tLow\tClose\tVolume", "UTF-16"
    ),
    Exporter("fred", "FRED", "observation_date,SP500", "`.` is a missing value"),
    Exporter(
        "alpha-vantage",
        "Alpha Vantage, daily adjusted",
        "timestamp,open,high,low,close,adjusted_close,volume",
        "",
    ),
    Exporter(
        "alpha-vantage-json",
        "Alpha Vantage, names of its JSON",
        ",1. open,2. high,3. low,4. close,5. adjusted close",
        "",
    ),
    Exporter("eodhd", "EODHD", "Date,Open,High,Low,Close,Adjusted_close,Volume", ""),
    Exporter("tiingo", "Tiingo", "date,close,high,low,open,volume,adjClose", ""),
    Exporter(
        "polygon-flat",
        "Polygon, flat files",
        "ticker,volume,open,close,high,low,window_start,transactions",
        "nanoseconds",
    ),
    Exporter("polygon-aggs", "Polygon, aggregates", "v,vw,o,c,h,l,t,n", ""),
    Exporter("wiki", "Quandl WIKI", "Date,Open,High,Low,Close,Volume,Ex-Dividend,Split Ratio", ""),
    Exporter("sharadar", "Sharadar SEP", "ticker,date,open,high,low,close,volume,closeadj", ""),
    Exporter("finnhub", "Finnhub, candles", "c,h,l,o,s,t,v", ""),
    Exporter(
        "fmp",
        "Financial Modeling Prep",
        "date,open,high,low,close,adjClose,volume,unadjustedVolume",
        "",
    ),
    Exporter("marketwatch", "MarketWatch", "Date,Open,High,Low,Close,Volume", ""),
    Exporter("wsj", "Wall Street Journal", "Date, Open, High, Low, Close", "two-digit years"),
    Exporter(
        "barchart",
        "Barchart",
        "Time,Open,High,Low,Last,Change,%Chg,Volume",
        "a line below the table",
    ),
    Exporter(
        "google-sheets",
        "Google Sheets, `GOOGLEFINANCE`",
        "Date,Open,High,Low,Close,Volume",
        "the exchange's calendar tells month from day",
    ),
    Exporter(
        "quantmod",
        "quantmod, `write.zoo`",
        '"Index","AAPL.Open","AAPL.High","AAPL.Low","AAPL.Close"',
        "",
    ),
    Exporter(
        "r-write-table",
        "R, `write.table` with row names",
        '"Open" "High" "Low" "Close" "Volume"',
        "the first column has no name",
    ),
    Exporter("tidyquant", "tidyquant", "symbol,date,open,high,low,close,volume,adjusted", ""),
    Exporter("lse", "London Stock Exchange", "Date,Open,High,Low,Close,Volume", ""),
    Exporter("asx", "ASX, historical data", "Code,Date,Open,High,Low,Close,Volume", ""),
    Exporter(
        "refinitiv", "Refinitiv Workspace", "Exchange Date,Close,Net,%Chg,Open,Low,High,Volume", ""
    ),
    Exporter(
        "bloomberg",
        "Bloomberg, field names",
        "Date,PX_LAST,PX_OPEN,PX_HIGH,PX_LOW,PX_VOLUME",
        "the query above the table",
    ),
    Exporter("crsp", "CRSP", "PERMNO,date,TICKER,BIDLO,ASKHI,PRC,VOL,OPENPRC", ""),
    Exporter("compustat", "Compustat", "gvkey,datadate,tic,cshtrd,prccd,prchd,prcld,prcod", ""),
    Exporter(
        "kaggle-long",
        "Kaggle, S&P 500 in one file",
        "date,open,high,low,close,volume,Name",
        "one of several symbols",
    ),
    Exporter("moex", "Moscow Exchange ISS", "BOARDID;TRADEDATE;SHORTNAME;SECID;NUMTRADES", ""),
    Exporter("dukascopy", "Dukascopy", "Gmt time,Open,High,Low,Close,Volume", ""),
    Exporter("eoddata", "EODData, without a header", "", "no header: recognised by its layout"),
    Exporter("zipped", "Any text, zipped", "", "a zip file with one member, or gzip"),
    Exporter("b3-cotahist", "B3, COTAHIST", "00COTAHIST.2024BOVESPA", "fixed width"),
    Exporter("amibroker", "AmiBroker, MetaStock", "<TICKER>,<DTYYYYMMDD>,<OPEN>", ""),
    Exporter("j-quants", "J-Quants", "Date,Code,Open,High,Low,Close,UpperLimit,LowerLimit", ""),
    Exporter("coingecko", "CoinGecko", "snapped_at,price,market_cap,total_volume", ""),
    Exporter(
        "upbit", "Upbit, daily candles", "market,candle_date_time_utc,candle_date_time_kst", ""
    ),
    Exporter("cboe-vix", "Cboe, VIX", "DATE,OPEN,HIGH,LOW,CLOSE", ""),
    Exporter("naver", "Naver Finance", "날짜,종가,전일비,시가,고가,저가,거래량", ""),
    Exporter("excel", "Excel workbook", "", "`pip install 'lstmcast[excel]'`"),
)
