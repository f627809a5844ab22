public import Foundation
public import Trace

extension TraceWriter {
  /// Finishes the recording and returns its journal as it was just before it became the trace.
  public func finishKeepingJournal() throws -> Data {
    // The end record has a head of 48 bytes, 12 of payload and a checksum of 8.
    let count = journalByteCounts.written + 68
    try finish()
    let trace = try Data(contentsOf: URL(filePath: path))
    return Data(count: 48) + trace[48..<count]
  }
}
