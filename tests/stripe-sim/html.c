#include "html.h"

#include <stdlib.h>
#include <time.h>

static const char style[] =
	"body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f6f8;color:#1a2330}"
	"main{max-width:36rem;margin:2rem auto;padding:1.5rem 2rem;background:#fff;border:1px solid "
	"#d8dee6;border-radius:8px}"
	"h1{font-size:1.3rem;margin-top:0}h2{font-size:1.05rem}table{width:100%;border-collapse:collapse}"
	"td,th{text-align:left;padding:.3rem .2rem;border-bottom:1px solid #e6eaef}td.n{text-align:right}"
	"form{display:inline-block;margin:.3rem .4rem .3rem 0}button,select{font:inherit;padding:.35rem .8rem}"
	"button.main{background:#175bd6;color:#fff;border:1px solid #124bb3;border-radius:4px}"
	".note{background:#fff4d6;border:1px solid #e3c363;padding:.5rem .8rem;border-radius:4px}"
	".small{color:#5a6675;font-size:.85rem}section{border-top:1px solid #e6eaef;margin-top:1rem}";

void html_raw(struct html *h, const char *markup) {
	if (h->to) (void)fputs(markup, h->to);
}

void html_text(struct html *h, const char *text) {
	for (const char *p = text; h->to && p && *p; p++) {
		switch (*p) {
		case '&':
			(void)fputs("&amp;", h->to);
			break;
		case '<':
			(void)fputs("&lt;", h->to);
			break;
		case '>':
			(void)fputs("&gt;", h->to);
			break;
		case '"':
			(void)fputs("&quot;", h->to);
			break;
		case '\'':
			(void)fputs("&#39;", h->to);
			break;
		default:
			(void)fputc(*p, h->to);
		}
	}
}

void html_fill(struct html *h, const char *markup, const char *a, const char *b, const char *c, const char *d) {
	const char *const texts[] = {a, b, c, d};
	size_t next = 0;
	for (const char *p = markup; h->to && *p; p++) {
		if (p[0] == '%' && p[1] == 's' && next < ARRAY_LEN(texts)) {
			html_text(h, texts[next++]);
			p++;
		} else {
			(void)fputc(*p, h->to);
		}
	}
}

void html_begin(struct html *h, const char *title) {
	*h = (struct html){.to = NULL};
	h->to = open_memstream(&h->text, &h->size);
	html_raw(h, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
		    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>");
	html_text(h, title);
	html_raw(h, "</title><style>");
	html_raw(h, style);
	html_raw(h, "</style></head><body><main><h1>");
	html_text(h, title);
	html_raw(h, "</h1>");
}

char *html_end(struct html *h) {
	html_raw(h, "<p class=\"small\">stripe-sim, test payments only</p></main></body></html>\n");
	if (!h->to || fclose(h->to) != 0) {
		free(h->text);
		return NULL;
	}
	return h->text;
}

void html_money(struct html *h, int64_t amount, const char *currency) {
	static const char *const whole[] = {"jpy", "krw", "vnd", "clp"}; /* no smaller unit */
	char text[64], unit[8] = "";
	for (size_t i = 0; currency && currency[i] && i < sizeof unit - 1; i++)
		unit[i] = currency[i] >= 'a' && currency[i] <= 'z' ? (char)(currency[i] - 32) : currency[i];
	const char *sign = amount < 0 ? "-" : "";
	unsigned long long n = amount < 0 ? 0ULL - (unsigned long long)amount : (unsigned long long)amount;
	for (size_t i = 0; currency && i < ARRAY_LEN(whole); i++) {
		if (strcmp(whole[i], currency) != 0) continue;
		(void)snprintf(text, sizeof text, "%s%llu %s", sign, n, unit);
		html_text(h, text);
		return;
	}
	bool dollars = strcmp(unit, "USD") == 0;
	(void)snprintf(text, sizeof text, "%s%s%llu.%02llu%s%s", sign, dollars ? "$" : "", n / 100, n % 100,
		       dollars ? "" : " ", dollars ? "" : unit);
	html_text(h, text);
}

void html_day(struct html *h, int64_t at) {
	struct tm t;
	time_t when = (time_t)at;
	char text[40];
	if (gmtime_r(&when, &t) && strftime(text, sizeof text, "%e %b %Y", &t))
		html_text(h, text[0] == ' ' ? text + 1 : text);
}
