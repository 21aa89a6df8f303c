#include "billing.h"

const struct action *const action_table[] = {
	NULL,
};
