// What the guarded content does: it calls the route that checks again.
const token = () => sessionStorage.getItem("tiergate.token");

async function order(result) {
	const headers = token() ? { Authorization: `Bearer ${token()}` } : {};
	try {
		const response = await fetch("/api/live-trading", { headers });
		const answer = await response.json();
		result.value = response.ok ? `accepted (${answer.tier})` : `refused: ${answer.code}${answer.need ? `, needs ${answer.need}` : ""}`;
	} catch {
		result.value = "nobody answers";
	}
}

document.addEventListener("click", (event) => {
	if (event.target.id === "order") order(document.getElementById("result"));
});
