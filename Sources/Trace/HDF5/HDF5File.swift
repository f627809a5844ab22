import CHDF5

/// An open HDF5 file in the 1.10 format, whose metadata carries checksums.
package struct HDF5File: Sendable {
  /// What every HDF5 file starts with.
  static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]

  private let handle: HDF5Handle
  /// The group that holds everything.
  package let root: HDF5Group

  /// Creates a file that must not exist; throws `exists` or `inputOutput`.
  package init(creating path: String) throws(TraceError) {
    try self.init(creating: path) { _ in true }
  }

  /// Creates a file with an access list that `prepare` adds to, under the lock.
  init(creating path: String, _ prepare: (hid_t) -> Bool) throws(TraceError) {
    let place = HDF5Place(path: path, location: "/", failure: .inputOutput)
    let id = HDF5.locked {
      let creation = H5Pcreate(wct_class_file_create())
      defer { H5Pclose(creation) }
      // Without times the same recording gives the same bytes.
      _ = H5Pset_obj_track_times(creation, false)
      return Self.withAccess {
        prepare($0) ? H5Fcreate(path, wct_access_exclusive(), creation, $0) : -1
      }
    }
    guard let handle = HDF5Handle(id, closer: H5Fclose) else {
      throw TraceError(.inputOutput, path: path, "the file cannot be created here")
    }
    try self.init(handle, place)
  }

  /// Opens a file for reading; throws `corrupt` when the library refuses it.
  package init(opening path: String) throws(TraceError) {
    let place = HDF5Place(path: path, location: "/", failure: .corrupt)
    let id = HDF5.locked { Self.withAccess { H5Fopen(path, wct_access_read_only(), $0) } }
    guard let handle = HDF5Handle(id, closer: H5Fclose) else {
      throw TraceError(.corrupt, path: path, "the HDF5 library refuses the file's structure as damaged")
    }
    try self.init(handle, place)
  }

  private init(_ handle: HDF5Handle, _ place: HDF5Place) throws(TraceError) {
    self.handle = handle
    let id = HDF5.locked { H5Gopen2(handle.id, "/", hid_t(H5P_DEFAULT)) }
    guard let group = HDF5Handle(id, closer: H5Gclose) else {
      throw place.error("the root group cannot be opened")
    }
    root = HDF5Group(group, place)
  }

  /// Hands everything written so far to the system.
  package func flush() throws(TraceError) {
    guard HDF5.locked({ H5Fflush(handle.id, H5F_SCOPE_GLOBAL) >= 0 }) else {
      throw root.place.error("the system refused to write (is the disk full?)")
    }
  }

  /// Closes the file and everything opened through it.
  package func close() throws(TraceError) {
    guard handle.close() else { throw root.place.error("the system refused to write (is the disk full?)") }
  }

  // The 1.10 format for old and new objects alike; closing the file closes what hangs on it. Files are never
  // changed once they are there, so they need no locks; one that a child process inherited for the
  // moment before its exec would have readers refused.
  private static func withAccess(_ body: (hid_t) -> hid_t) -> hid_t {
    let access = H5Pcreate(wct_class_file_access())
    defer { H5Pclose(access) }
    guard H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0,
      H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0, wct_forgo_locks(access) >= 0
    else { return -1 }
    return body(access)
  }
}
