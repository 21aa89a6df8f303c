/* placeholder */ typedef int nothing_here;
