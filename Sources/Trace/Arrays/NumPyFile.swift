package import Foundation

/// Appends rows to a NumPy array file (format 1.0) whose shape is known from the start.
package final class NumPyFile {
  private let path: String
  private let partial: String
  private let handle: FileHandle
  private var isFinished = false

  package init(path: String, type: String, shape: [Int]) throws {
    self.path = path
    partial = path + ".partial"
    guard FileManager.default.createFile(atPath: partial, contents: nil),
      let handle = FileHandle(forWritingAtPath: partial)
    else { throw TraceError(.inputOutput, path: partial, "the file cannot be created") }
    self.handle = handle
    let list = shape.map { "\($0), " }.joined()
    var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(list)), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    var bytes = Data([0x93] + Array("NUMPY".utf8) + [1, 0])
    bytes.append(UInt8(header.utf8.count & 0xFF))
    bytes.append(UInt8(header.utf8.count >> 8))
    bytes.append(contentsOf: header.utf8)
    try handle.write(contentsOf: bytes)
  }

  package func append(_ bytes: Data) throws { try handle.write(contentsOf: bytes) }

  package func finish() throws {
    try handle.close()
    if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
    try FileManager.default.moveItem(atPath: partial, toPath: path)
    isFinished = true
  }

  // What was not finished is of no use to anybody.
  deinit {
    if !isFinished { try? FileManager.default.removeItem(atPath: partial) }
  }
}
