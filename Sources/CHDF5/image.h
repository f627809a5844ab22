// A file driver for HDF5 files that are made around bytes which lie in a file already: the library's own bytes stay
// in memory, blocks keep the place that they have, and no file is touched.
#pragma once
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

// Bytes of a superblock of version 2 or 3, which an image keeps apart from the rest.
#define WCT_SUPERBLOCK_BYTES 48

typedef struct wct_image {
  unsigned char superblock[WCT_SUPERBLOCK_BYTES];
  // What the library puts behind the bytes that are there: from address `start` to `end`.
  haddr_t start, end;
  unsigned char *tail;
  size_t capacity;
  // The block that is being stored: where it lies; no bytes when there is none.
  haddr_t block;
  size_t block_bytes;
} wct_image;

// What the library knows of an open image.
typedef struct {
  H5FD_t common;
  wct_image *image;
} wct_image_file;

static inline wct_image *wct_image_of(const H5FD_t *file) { return ((const wct_image_file *)file)->image; }

static inline H5FD_t *wct_image_open(const char *name, unsigned flags, hid_t access, haddr_t limit) {
  (void)name, (void)limit;
  wct_image *const *image = (wct_image *const *)H5Pget_driver_info(access);
  if (!image || !(flags & H5F_ACC_CREAT)) return NULL;
  wct_image_file *file = (wct_image_file *)calloc(1, sizeof *file);
  if (file) file->image = *image;
  return (H5FD_t *)file;
}

static inline herr_t wct_image_close(H5FD_t *file) {
  free(file);
  return 0;
}

// The superblock comes first and takes what is reserved for it; the block being stored is where it is.
static inline haddr_t wct_image_alloc(H5FD_t *file, H5FD_mem_t type, hid_t transfer, hsize_t bytes) {
  (void)transfer;
  wct_image *image = wct_image_of(file);
  if (type == H5FD_MEM_SUPER && image->end == 0 && bytes <= WCT_SUPERBLOCK_BYTES) {
    image->end = image->start;
    return 0;
  }
  if (image->end < image->start) return HADDR_UNDEF;
  if (type == H5FD_MEM_DRAW && image->block_bytes > 0 && image->block_bytes == bytes) return image->block;
  haddr_t address = image->end;
  image->end += bytes;
  return address;
}

static inline haddr_t wct_image_end(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return wct_image_of(file)->end;
}

static inline herr_t wct_image_set_end(H5FD_t *file, H5FD_mem_t type, haddr_t end) {
  (void)type;
  wct_image *image = wct_image_of(file);
  if (end != 0 && end < image->start) return -1;
  image->end = end;
  return 0;
}

// The memory behind an address, made zero where it is new; NULL where the library has nothing to look for.
static inline unsigned char *wct_image_memory(wct_image *image, haddr_t address, size_t bytes) {
  if (address + bytes <= WCT_SUPERBLOCK_BYTES) return image->superblock + address;
  if (address < image->start || address + bytes > image->end) return NULL;
  size_t needed = (size_t)(address - image->start) + bytes;
  if (needed > image->capacity) {
    size_t capacity = needed + needed / 2 + 65536;
    unsigned char *tail = (unsigned char *)realloc(image->tail, capacity);
    if (!tail) return NULL;
    memset(tail + image->capacity, 0, capacity - image->capacity);
    image->tail = tail;
    image->capacity = capacity;
  }
  return image->tail + (address - image->start);
}

static inline herr_t wct_image_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t bytes,
                                    void *target) {
  (void)type, (void)transfer;
  const unsigned char *memory = wct_image_memory(wct_image_of(file), address, bytes);
  if (!memory) return -1;
  memcpy(target, memory, bytes);
  return 0;
}

// Writing the block being stored is having it.
static inline herr_t wct_image_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t bytes,
                                     const void *source) {
  (void)transfer;
  wct_image *image = wct_image_of(file);
  if (type == H5FD_MEM_DRAW && address == image->block && bytes == image->block_bytes && bytes > 0) {
    image->block_bytes = 0;
    return 0;
  }
  unsigned char *memory = wct_image_memory(image, address, bytes);
  if (!memory) return -1;
  memcpy(memory, source, bytes);
  return 0;
}

// Makes the driver known to the library; negative when that fails.
static inline hid_t wct_register_image_driver(void) {
  const H5FD_class_t driver = {
#ifdef H5FD_CLASS_VERSION
      // Since 1.14. Numbers from 512 are free for anyone's own drivers.
      .version = H5FD_CLASS_VERSION,
      .value = (H5FD_class_value_t)600,
#endif
      .name = "wctrace_image",
      .maxaddr = ((haddr_t)1 << 62) - 1,
      .fc_degree = H5F_CLOSE_STRONG,
      .fapl_size = sizeof(wct_image *),
      .open = wct_image_open,
      .close = wct_image_close,
      .alloc = wct_image_alloc,
      .get_eoa = wct_image_end,
      .set_eoa = wct_image_set_end,
      .get_eof = wct_image_end,
      .read = wct_image_read,
      .write = wct_image_write,
      .fl_map = H5FD_FLMAP_DICHOTOMY,
  };
  return H5FDregister(&driver);
}

// Makes files that are created with an access list images.
static inline herr_t wct_use_image(hid_t access, hid_t driver, wct_image *image) {
  return H5Pset_driver(access, driver, &image);
}
