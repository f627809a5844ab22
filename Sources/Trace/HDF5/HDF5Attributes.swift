import CHDF5

/// The attributes of a group or dataset: single numbers and strings of fixed size.
///
/// Strings of variable size are refused, because HDF5 keeps them in the one structure of the file
/// that has no checksum.
package struct HDF5Attributes: Sendable {
  let owner: HDF5Handle
  let place: HDF5Place

  /// Longest string in bytes.
  package static let longestString = 32_768

  /// Whether there is an attribute of this name.
  package func contains(_ name: String) throws(TraceError) -> Bool {
    let found = HDF5.locked { H5Aexists(owner.id, name) }
    guard found >= 0 else { throw place.error("the attributes cannot be read") }
    return found > 0
  }

  package func set(_ name: String, _ value: Int) throws(TraceError) {
    try write(name, Int64(value), type: wct_type_i64le)
  }

  package func set(_ name: String, _ value: Double) throws(TraceError) {
    try write(name, value, type: wct_type_f64le)
  }

  package func set(_ name: String, _ value: UInt8) throws(TraceError) {
    try write(name, value, type: wct_type_u8le)
  }

  /// Writes a string, padded with a zero byte when it is empty.
  package func set(_ name: String, _ value: String) throws(TraceError) {
    var bytes = Array(value.utf8)
    guard bytes.count <= Self.longestString, !bytes.contains(0) else {
      throw TraceError(
        .invalid, path: place.path, at: place.location,
        "the text of \(name) must have at most \(Self.longestString) bytes and no zero byte")
    }
    if bytes.isEmpty { bytes = [0] }
    let isWritten = HDF5.locked {
      let type = H5Tcopy(wct_type_string())
      defer { H5Tclose(type) }
      guard H5Tset_size(type, bytes.count) >= 0, H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0,
        H5Tset_cset(type, H5T_CSET_UTF8) >= 0
      else { return false }
      return write(name, type: type, bytes)
    }
    guard isWritten else { throw place.error("the attribute \(name) cannot be written") }
  }

  package func int(_ name: String) throws(TraceError) -> Int {
    Int(try read(name, Int64(0), type: wct_type_i64le))
  }

  package func double(_ name: String) throws(TraceError) -> Double {
    try read(name, 0.0, type: wct_type_f64le)
  }

  package func byte(_ name: String) throws(TraceError) -> UInt8 {
    try read(name, UInt8(0), type: wct_type_u8le)
  }

  package func string(_ name: String) throws(TraceError) -> String {
    let text: String? = HDF5.locked {
      withAttribute(name) { attribute, type in
        let size = H5Tget_size(type)
        guard H5Tget_class(type) == H5T_STRING, H5Tis_variable_str(type) == 0, size <= Self.longestString,
          H5Tget_strpad(type) == H5T_STR_NULLPAD, H5Tget_cset(type) == H5T_CSET_UTF8
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: size)
        guard H5Aread(attribute, type, &bytes) >= 0 else { return nil }
        if bytes == [0] { bytes = [] }
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
      }
    }
    guard let text else { throw place.error("the attribute \(name) must be a text of fixed size") }
    return text
  }

  private func write<Value>(_ name: String, _ value: Value, type: () -> hid_t) throws(TraceError) {
    let isWritten = HDF5.locked {
      withUnsafeBytes(of: value) { write(name, type: type(), Array($0)) }
    }
    guard isWritten else { throw place.error("the attribute \(name) cannot be written") }
  }

  // Call under the lock.
  private func write(_ name: String, type: hid_t, _ bytes: [UInt8]) -> Bool {
    let space = H5Screate(H5S_SCALAR)
    defer { H5Sclose(space) }
    let attribute = H5Acreate2(owner.id, name, type, space, hid_t(H5P_DEFAULT), hid_t(H5P_DEFAULT))
    guard attribute >= 0 else { return false }
    defer { H5Aclose(attribute) }
    return H5Awrite(attribute, type, bytes) >= 0
  }

  private func read<Value: BitwiseCopyable & Sendable>(
    _ name: String, _ zero: Value, type: () -> hid_t
  ) throws(TraceError) -> Value {
    let value: Value? = HDF5.locked {
      withAttribute(name) { attribute, found in
        var value = zero
        guard H5Tequal(found, type()) > 0, H5Aread(attribute, found, &value) >= 0 else { return nil }
        return value
      }
    }
    guard let value else {
      throw place.error("the attribute \(name) is missing or not a number of the right type")
    }
    return value
  }

  // Opens an attribute that holds one value; call under the lock.
  private func withAttribute<Value>(_ name: String, _ body: (hid_t, hid_t) -> Value?) -> Value? {
    guard H5Aexists(owner.id, name) > 0 else { return nil }
    let attribute = H5Aopen(owner.id, name, hid_t(H5P_DEFAULT))
    guard attribute >= 0 else { return nil }
    defer { H5Aclose(attribute) }
    let space = H5Aget_space(attribute)
    defer { H5Sclose(space) }
    let type = H5Aget_type(attribute)
    defer { H5Tclose(type) }
    guard space >= 0, type >= 0, H5Sget_simple_extent_type(space) == H5S_SCALAR else { return nil }
    return body(attribute, type)
  }
}
