import CHDF5

/// A dataset of filtered blocks (HDF5 calls them chunks), moved in and out in their stored form.
///
/// Each block is byte-shuffled, compressed to one zstd frame and closed by a Fletcher checksum;
/// ``BlockCodec`` does that outside the library.
package struct HDF5Dataset: Sendable {
  private let handle: HDF5Handle
  package let place: HDF5Place
  package let element: HDF5Element
  /// Size per dimension, slowest first.
  package let extent: [Int]
  /// A block's size per dimension.
  package let block: [Int]

  package var attributes: HDF5Attributes { HDF5Attributes(owner: handle, place: place) }

  /// Bytes of one block before filtering.
  package var blockByteCount: Int { block.reduce(element.byteCount, *) }

  /// Adds a dataset of a fixed size in which nothing is stored yet.
  package init(
    creating name: String, in group: HDF5Group, element: HDF5Element, extent: [Int], block: [Int]
  ) throws(TraceError) {
    let place = group.place.inside(name)
    let id = HDF5.locked {
      let space = H5Screate_simple(Int32(extent.count), extent.map(hsize_t.init), nil)
      defer { H5Sclose(space) }
      let creation = H5Pcreate(wct_class_dataset_create())
      defer { H5Pclose(creation) }
      guard space >= 0, H5Pset_chunk(creation, Int32(block.count), block.map(hsize_t.init)) >= 0,
        Self.setFill(creation, element), H5Pset_obj_track_times(creation, false) >= 0,
        H5Pset_shuffle(creation) >= 0,
        H5Pset_filter(creation, H5Z_filter_t(WCT_FILTER_ZSTD), 0, 1, [UInt32(BlockCodec.level)]) >= 0,
        H5Pset_fletcher32(creation) >= 0
      else { return hid_t(-1) }
      return element.withType {
        H5Dcreate2(group.handle.id, name, $0, space, hid_t(H5P_DEFAULT), creation, hid_t(H5P_DEFAULT))
      }
    }
    guard let handle = HDF5Handle(id, closer: H5Dclose) else {
      throw place.error("the dataset cannot be created")
    }
    self.handle = handle
    self.place = place
    self.element = element
    self.extent = extent
    self.block = block
  }

  // Blocks that were never written read as NaN in other programs, so that nobody takes them for data.
  private static func setFill(_ creation: hid_t, _ element: HDF5Element) -> Bool {
    element.withType { type in
      switch element {
      case .float16: H5Pset_fill_value(creation, type, [HalfFormat.float16.nan]) >= 0
      case .bfloat16: H5Pset_fill_value(creation, type, [HalfFormat.bfloat16.nan]) >= 0
      case .float32: H5Pset_fill_value(creation, type, [Float.nan]) >= 0
      case .uint8, .uint16, .uint32, .int32, .float64: true
      }
    }
  }

  /// Opens a member that must be a dataset of this form with `rank` dimensions of at most `limit` each.
  package init(
    opening name: String, in group: HDF5Group, elements: [HDF5Element], rank: Int,
    limit: Int = TraceFormat.largestCount
  ) throws(TraceError) {
    try group.requireHardLink(name)
    let place = group.place.inside(name)
    let id = HDF5.locked { H5Dopen2(group.handle.id, name, hid_t(H5P_DEFAULT)) }
    guard let handle = HDF5Handle(id, closer: H5Dclose) else {
      throw place.error("the dataset cannot be read")
    }
    let element = HDF5.locked { Self.element(of: handle.id, among: elements) }
    guard let element else { throw place.error("the numbers have a type that is not allowed here") }
    let extent = HDF5.locked { Self.extent(of: handle.id, rank: rank, limit: limit) }
    guard let extent else {
      throw place.error("there must be \(rank) dimensions, none of them 0 or over \(limit)")
    }
    let block = HDF5.locked { Self.block(of: handle.id, rank: rank, elementByteCount: element.byteCount) }
    guard let block else {
      throw place.error("the storage must be blocks with the filters shuffle, zstd and fletcher32")
    }
    self.handle = handle
    self.place = place
    self.element = element
    self.extent = extent
    self.block = block
  }

  /// Bytes that the stored blocks take.
  package var storedByteCount: Int { HDF5.locked { Int(clamping: H5Dget_storage_size(handle.id)) } }

  /// Stores one filtered block whose first element is at `offset`.
  package func writeBlock(at offset: [Int], _ bytes: [UInt8]) throws(TraceError) {
    let isWritten = bytes.withUnsafeBytes { bytes in
      HDF5.locked { storeChunk(at: offset, bytes.count, bytes.baseAddress) }
    }
    guard isWritten else { throw place.error("the system refused to write (is the disk full?)") }
  }

  // Call under the lock.
  func storeChunk(at offset: [Int], _ byteCount: Int, _ bytes: UnsafeRawPointer?) -> Bool {
    H5Dwrite_chunk(handle.id, hid_t(H5P_DEFAULT), 0, offset.map(hsize_t.init), byteCount, bytes) >= 0
  }

  /// Fetches one filtered block; throws when it is missing or has an impossible size.
  package func readBlock(at offset: [Int]) throws(TraceError) -> [UInt8] {
    let limit = BlockCodec.largestStoredByteCount(of: blockByteCount)
    let bytes: [UInt8]? = HDF5.locked {
      let offset = offset.map(hsize_t.init)
      var size: hsize_t = 0
      guard H5Dget_chunk_storage_size(handle.id, offset, &size) >= 0, size >= 8, size <= limit else {
        return nil
      }
      var mask: UInt32 = 0
      let bytes = [UInt8](unsafeUninitializedCapacity: Int(size)) { target, count in
        guard wct_read_chunk(handle.id, offset, &mask, target.baseAddress) >= 0, mask == 0 else { return }
        count = Int(size)
      }
      return bytes.isEmpty ? nil : bytes
    }
    guard let bytes else { throw place.error("the block at \(offset) is missing or damaged") }
    return bytes
  }
}

// What an opened dataset says of itself; nil where that is not allowed. Call under the lock.
extension HDF5Dataset {
  private static func element(of id: hid_t, among elements: [HDF5Element]) -> HDF5Element? {
    let type = H5Dget_type(id)
    guard type >= 0 else { return nil }
    defer { H5Tclose(type) }
    return elements.first { $0.withType { H5Tequal(type, $0) > 0 } }
  }

  private static func extent(of id: hid_t, rank: Int, limit: Int) -> [Int]? {
    let space = H5Dget_space(id)
    guard space >= 0 else { return nil }
    defer { H5Sclose(space) }
    guard H5Sis_simple(space) > 0, H5Sget_simple_extent_ndims(space) == Int32(rank) else { return nil }
    var sizes = [hsize_t](repeating: 0, count: rank)
    guard H5Sget_simple_extent_dims(space, &sizes, nil) == Int32(rank),
      sizes.allSatisfy({ $0 > 0 && $0 <= UInt64(limit) })
    else { return nil }
    return sizes.map { Int($0) }
  }

  private static func block(of id: hid_t, rank: Int, elementByteCount: Int) -> [Int]? {
    let creation = H5Dget_create_plist(id)
    guard creation >= 0 else { return nil }
    defer { H5Pclose(creation) }
    var sizes = [hsize_t](repeating: 0, count: rank)
    guard H5Pget_layout(creation) == H5D_CHUNKED, H5Pget_chunk(creation, Int32(rank), &sizes) == Int32(rank),
      H5Pget_nfilters(creation) == 3,
      filter(0, of: creation) == [UInt32(H5Z_FILTER_SHUFFLE), UInt32(elementByteCount)],
      filter(1, of: creation) == [UInt32(WCT_FILTER_ZSTD), UInt32(BlockCodec.level)],
      filter(2, of: creation) == [UInt32(H5Z_FILTER_FLETCHER32)]
    else { return nil }
    var byteCount = UInt64(elementByteCount)
    for size in sizes {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
      guard !overflow, product > 0, product <= UInt64(BlockCodec.largestBlockByteCount) else { return nil }
      byteCount = product
    }
    return sizes.map { Int($0) }
  }

  // The filter's id followed by its parameters.
  private static func filter(_ index: UInt32, of creation: hid_t) -> [UInt32]? {
    var flags: UInt32 = 0
    var count = 8
    var values = [UInt32](repeating: 0, count: count)
    var configuration: UInt32 = 0
    let id = H5Pget_filter2(creation, index, &flags, &count, &values, 0, nil, &configuration)
    guard id > 0, count <= values.count else { return nil }
    return [UInt32(id)] + values[..<count]
  }
}
