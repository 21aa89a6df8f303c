# shellcheck shell=bash
# Addresses of the page with tokens in them. Sourced, after seed.sh. Set before: pages_origin; pages_data, whose jwt/ signs.
#
#   pages_of SUBJECT     her address
#   pages_write          pages_data/pages.html: everybody's of seed_names, since an address is too long for a terminal

pages_of() { printf '%s/settings/billing#token=%s\n' "$pages_origin" "$(tests/demo/token "$pages_data" "$1")"; }

pages_write() {
	local name what page
	{
		echo '<!doctype html><html lang="en"><meta charset="utf-8"><title>Subjects</title><h1>One subject in each state</h1><table>'
		while read -r name what; do
			page=$(pages_of "$name")
			printf '<tr><td><a href="%s">%s</a><td>%s<td><a href="%s/example/#%s">its trading desk</a>\n' \
				"$page" "$name" "$what" "$pages_origin" "${page#*#}"
		done < <(seed_names)
		echo '</table>'
	} >"$pages_data/pages.html"
	chmod 600 "$pages_data/pages.html"
}
