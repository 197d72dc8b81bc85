"""From a table to the blocks of a rank: reading, preparing, cutting."""
