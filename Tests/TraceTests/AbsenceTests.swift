import Foundation
import TestSupport
import Testing

@testable import Trace

/// What is said of paths that cannot be looked at, and of cores.
struct AbsenceTests {
  @Test("what is missing and what may not be read are told apart")
  func files() throws {
    try withTemporaryDirectory { folder in
      let missing = folder.path + "/missing"
      #expect(FileSystem.absence(of: missing).code == .missing)
      expectTraceError(.missing) { _ = try FileSystem.names(in: missing) }
      // A link to itself, which root may not follow either.
      let loop = folder.path + "/loop.h5"
      try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: loop)
      let error = expectTraceError(.inputOutput) { _ = try TraceReader(path: loop) }
      #expect(error?.message.hasPrefix("the file cannot be opened: ") == true)
      let file = folder.path + "/file"
      try Data().write(to: URL(filePath: file))
      let listed = expectTraceError(.inputOutput) { _ = try FileSystem.names(in: file) }
      #expect(listed?.message == "the folder cannot be read: Not a directory")
    }
  }

  @Test("cores are counted as Linux lists them")
  func cores() {
    #expect(Cores.count(inList: "\t0-3,8") == 5)
    #expect(Cores.count(inList: "7") == 1)
    #expect(Cores.count(inList: "0-3,8-11,2047") == 9)
    for wrong in ["", "3-1", "a", "1,,2", "0-1-2"] { #expect(Cores.count(inList: wrong) == nil, "\(wrong)") }
    #expect((1...ProcessInfo.processInfo.activeProcessorCount).contains(Cores.count))
  }
}
