typedef int qf_room_is_empty;
