import Foundation

/// What a file of arrays says of one of them: number type and shape.
struct ArrayHead {
  var element: ArrayFile.Element
  var shape: [Int]

  /// Reads the head of a NumPy file, whose numbers follow it.
  ///
  /// `next` answers the next bytes. See numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
  init(numPy path: String, _ next: (Int) throws(TraceError) -> Data) throws(TraceError) {
    let start = [UInt8](try next(8))
    guard start.starts(with: [0x93] + Array("NUMPY".utf8)), (1...3).contains(start[6]) else {
      throw TraceError(.corrupt, path: path, "this is not a NumPy file")
    }
    let length = try next(start[6] == 1 ? 2 : 4).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= ArrayFile.headLimit else {
      throw TraceError(.corrupt, path: path, "the head is too long")
    }
    let text = String(decoding: try next(length), as: UTF8.self)
    guard let type = text.firstMatch(of: /'descr': *'([^']*)'/)?.output.1,
      let order = text.firstMatch(of: /'fortran_order': *(True|False)/)?.output.1,
      let sizes = text.firstMatch(of: /'shape': *\(([0-9, ]*)\)/)?.output.1
    else { throw TraceError(.corrupt, path: path, "the head says no descr, fortran_order and shape") }
    let element: ArrayFile.Element? = type == "<f4" ? .float32 : type == "<f2" ? .float16 : nil
    guard let element else {
      throw TraceError(.invalid, path: path, "the numbers are '\(type)'; only '<f4' and '<f2' are read")
    }
    guard order == "False" else {
      throw TraceError(.invalid, path: path, "the array is in Fortran order; save it with order='C'")
    }
    let parts = sizes.split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
    shape = parts.compactMap { Int($0) }
    guard shape.count == parts.count else { throw TraceError(.corrupt, path: path, "the shape is damaged") }
    self.element = element
  }

  private init(element: ArrayFile.Element, shape: [Int]) {
    self.element = element
    self.shape = shape
  }

  /// Finds an array of a safetensors file, and the bytes of its numbers in it.
  ///
  /// See github.com/huggingface/safetensors: length, JSON, arrays.
  static func safetensors(
    _ handle: FileHandle, _ path: String, _ name: String?
  ) throws(TraceError) -> (ArrayHead, Range<Int>) {
    let length = try ArrayFile.read(handle, path, 8, at: 0).reversed().reduce(UInt64(0)) {
      $0 << 8 | UInt64($1)
    }
    guard length <= UInt64(ArrayFile.headLimit) else {
      throw TraceError(.corrupt, path: path, "the head is too long")
    }
    let text = try ArrayFile.read(handle, path, Int(length), at: 8)
    guard let all = try? JSONSerialization.jsonObject(with: text) as? [String: Any] else {
      throw TraceError(.corrupt, path: path, "the head is not JSON")
    }
    let names = all.keys.filter { $0 != "__metadata__" }.sorted()
    guard let name = name ?? (names.count == 1 ? names[0] : nil), names.contains(name), let value = all[name]
    else { throw ArrayFile.lacking(name, names, path) }
    guard JSONSerialization.isValidJSONObject(value),
      let bytes = try? JSONSerialization.data(withJSONObject: value),
      let entry = try? JSONDecoder().decode(Safetensors.Announced.self, from: bytes),
      entry.offsets.count == 2,
      entry.offsets.allSatisfy({ (0...Int.max / 2).contains($0) }), entry.offsets[0] <= entry.offsets[1]
    else { throw TraceError(.corrupt, path: path, at: name, "the array needs dtype, shape and data_offsets") }
    guard let element = ArrayFile.Element(rawValue: entry.dtype) else {
      throw TraceError(
        .invalid, path: path, at: name, "the numbers are \(entry.dtype); only F32, F16 and BF16 are read")
    }
    let start = 8 + Int(length)
    return (
      ArrayHead(element: element, shape: entry.shape), start + entry.offsets[0]..<start + entry.offsets[1]
    )
  }
}
