# shellcheck shell=bash
# The reverse proxy of docker/nginx as a process of the person who starts it. Sourced, after services.sh.
#
#   proxy_launch DIR LISTEN INGRESS BILLING APP    nginx on LISTEN before the others, each HOST:PORT; what it needs is in DIR/nginx

proxy_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../docker/nginx" && pwd)

proxy_program() { PATH=$PATH:/usr/sbin:/sbin command -v nginx; }

proxy_places() {
	# shellcheck disable=SC2016 # nginx's variables
	printf 'map $host $%s {\n\tdefault %s;\n}\n' ingress "$1" billing "$2" app "$3"
}

proxy_launch() {
	local dir=$1 listen=$2
	mkdir -p "$dir/nginx"
	cp "$proxy_dir"/{nginx,routes,headers}.conf "$dir/nginx/"
	proxy_places "$3" "$4" "$5" >"$dir/nginx/places.conf"
	sed "s/listen 8080;/listen $listen;/" "$proxy_dir/plain.conf" >"$dir/nginx/site.conf"
	# shellcheck disable=SC2034,SC2154 # services.sh's
	services_door[proxy]=$listen
	services_run "$dir" proxy "$(proxy_program)" -p "$dir/nginx/" -c "$(cd "$dir/nginx" && pwd)/nginx.conf" -g 'daemon off;'
}
