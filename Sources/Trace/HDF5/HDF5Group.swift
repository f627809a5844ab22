import CHDF5

/// A group of an open file: a folder of groups and datasets.
package struct HDF5Group: Sendable {
  let handle: HDF5Handle
  package let place: HDF5Place

  init(_ handle: HDF5Handle, _ place: HDF5Place) {
    self.handle = handle
    self.place = place
  }

  package var attributes: HDF5Attributes { HDF5Attributes(owner: handle, place: place) }

  /// Adds an empty group.
  package func makeGroup(_ name: String) throws(TraceError) -> HDF5Group {
    let id = HDF5.locked {
      let creation = H5Pcreate(wct_class_group_create())
      defer { H5Pclose(creation) }
      _ = H5Pset_obj_track_times(creation, false)
      return H5Gcreate2(handle.id, name, hid_t(H5P_DEFAULT), creation, hid_t(H5P_DEFAULT))
    }
    return try group(id, name, "the group cannot be created")
  }

  /// Opens a member that must be a group of this file.
  package func group(_ name: String) throws(TraceError) -> HDF5Group {
    try requireHardLink(name)
    let id = HDF5.locked { H5Gopen2(handle.id, name, hid_t(H5P_DEFAULT)) }
    return try group(id, name, "the group cannot be read")
  }

  private func group(_ id: hid_t, _ name: String, _ message: String) throws(TraceError) -> HDF5Group {
    let inner = place.inside(name)
    guard let group = HDF5Handle(id, closer: H5Gclose) else { throw inner.error(message) }
    return HDF5Group(group, inner)
  }

  /// Whether there is a member of this name.
  package func contains(_ name: String) throws(TraceError) -> Bool {
    let found = HDF5.locked { H5Lexists(handle.id, name, hid_t(H5P_DEFAULT)) }
    guard found >= 0 else { throw place.error("the list of members cannot be read") }
    return found > 0
  }

  /// Throws unless `name` is a plain member: links to elsewhere could loop or leave the file.
  func requireHardLink(_ name: String) throws(TraceError) {
    let found = HDF5.locked { wct_hard_link(handle.id, name) }
    guard found != 0 else { throw place.inside(name).error("this part of the trace is not there") }
    guard found > 0 else {
      throw place.inside(name).error("this must be a plain member, not a link to elsewhere")
    }
  }

  /// The members' names in alphabetical order, at most `limit` of them, of at most 255 bytes each.
  package func names(limit: Int) throws(TraceError) -> [String] {
    let names: [String]? = HDF5.locked {
      var info = H5G_info_t()
      guard H5Gget_info(handle.id, &info) >= 0, info.nlinks <= UInt64(limit) else { return nil }
      var names: [String] = []
      for index in 0..<info.nlinks {
        var bytes = [CChar](repeating: 0, count: 256)
        let length = H5Lget_name_by_idx(
          handle.id, ".", H5_INDEX_NAME, H5_ITER_INC, index, &bytes, bytes.count, hid_t(H5P_DEFAULT))
        guard length > 0, length < bytes.count,
          let name = String(validating: bytes[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        else { return nil }
        names.append(name)
      }
      return names
    }
    guard let names else {
      throw place.error("the list of members cannot be read, or has over \(limit) entries")
    }
    return names
  }
}
