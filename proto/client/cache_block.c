#include "cache_private.h"

unsigned tgc_block_class(unsigned words) {
	unsigned class = 0;
	while ((BLOCK_WORDS_MIN << class) < words) class ++;
	return class;
}

uint64_t tgc_block_take(struct blocks *b, unsigned class) {
	const size_t size = (size_t)BLOCK_WORDS_MIN << class;
	uint64_t block = b->free[class];
	if (block) {
		b->free[class] = load(tgc_block_words(b, block));
	} else {
		if (b->count - b->cut < size) return 0;
		block = (uint64_t)b->cut << 2 | class;
		b->cut += size;
	}
	b->used_words += size;
	return block;
}

void tgc_block_return(struct blocks *b, uint64_t block) {
	if (!block) return;
	store(tgc_block_words(b, block), b->free[block & 3]);
	b->free[block & 3] = block;
	b->used_words -= tgc_block_size(block);
}
