// HDF5 constants that are C macros (calls or casts), made visible to Swift as functions, and the
// few calls whose plain name means different things in different HDF5 versions.
#pragma once
#include <hdf5.h>

static inline hid_t wct_class_dataset_create(void) { return H5P_DATASET_CREATE; }
static inline hid_t wct_class_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t wct_class_file_create(void) { return H5P_FILE_CREATE; }
static inline hid_t wct_class_group_create(void) { return H5P_GROUP_CREATE; }
static inline hid_t wct_type_i32le(void) { return H5T_STD_I32LE; }
static inline hid_t wct_type_u8le(void) { return H5T_STD_U8LE; }
static inline hid_t wct_type_u16le(void) { return H5T_STD_U16LE; }
static inline hid_t wct_type_u32le(void) { return H5T_STD_U32LE; }
static inline hid_t wct_type_i64le(void) { return H5T_STD_I64LE; }
static inline hid_t wct_type_f32le(void) { return H5T_IEEE_F32LE; }
static inline hid_t wct_type_f64le(void) { return H5T_IEEE_F64LE; }
static inline hid_t wct_type_string(void) { return H5T_C_S1; }
static inline unsigned wct_access_exclusive(void) { return H5F_ACC_EXCL; }
static inline unsigned wct_access_read_only(void) { return H5F_ACC_RDONLY; }

// IEEE half precision, laid out as h5py's float16. The caller closes the type.
static inline hid_t wct_new_type_f16le(void) {
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  if (type < 0) return type;
  if (H5Tset_fields(type, 15, 10, 5, 0, 10) < 0 || H5Tset_size(type, 2) < 0 || H5Tset_ebias(type, 15) < 0) {
    H5Tclose(type);
    return H5I_INVALID_HID;
  }
  return type;
}

// bfloat16: the upper half of a float32, as newer libraries predefine it. The caller closes the type.
static inline hid_t wct_new_type_bf16le(void) {
  hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  if (type < 0) return type;
  if (H5Tset_fields(type, 15, 7, 8, 0, 7) < 0 || H5Tset_size(type, 2) < 0 || H5Tset_ebias(type, 127) < 0) {
    H5Tclose(type);
    return H5I_INVALID_HID;
  }
  return type;
}

// zstd's registered filter id.
#define WCT_FILTER_ZSTD 32015

// Always fails: blocks are compressed outside the library and travel by direct chunk I/O only.
static inline size_t wct_refuse_filter(unsigned flags, size_t count, const unsigned values[], size_t bytes,
                                       size_t *size, void **buffer) {
  (void)flags, (void)count, (void)values, (void)bytes, (void)size, (void)buffer;
  return 0;
}

// Makes the library accept datasets with the zstd filter.
static inline herr_t wct_register_zstd(void) {
  const H5Z_class2_t filter = {H5Z_CLASS_T_VERS, WCT_FILTER_ZSTD, 1, 1, "zstd", NULL, NULL, wct_refuse_filter};
  return H5Zregister(&filter);
}

static inline herr_t wct_read_chunk(hid_t dataset, const hsize_t *offset, uint32_t *mask, void *buffer) {
  return H5Dread_chunk(dataset, H5P_DEFAULT, offset, mask, buffer);
}

// Opens files without locking them, where the library can be told to (1.10.7 and later, but for 1.12.0).
static inline herr_t wct_forgo_locks(hid_t access) {
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && H5_VERSION_LE(1, 10, 99))
  return H5Pset_file_locking(access, 0, 1);
#else
  return access < 0 ? -1 : 0;
#endif
}

// 1 when the group holds a hard link of this name, 0 when there is none, negative for any other link.
static inline int wct_hard_link(hid_t group, const char *name) {
  H5L_info_t info;
  htri_t found = H5Lexists(group, name, H5P_DEFAULT);
  if (found <= 0) return (int)found;
  if (H5Lget_info(group, name, &info, H5P_DEFAULT) < 0) return -1;
  return info.type == H5L_TYPE_HARD ? 1 : -1;
}
