import Foundation
import ModelSupport
import Testing

@testable import WorldModel

struct ContactSheetTests {
  // Published check values of both sums.
  @Test func checksums() {
    #expect(PNG.crc32(Array("123456789".utf8)) == 0xCBF4_3926)
    #expect(PNG.adler32(Array("Wikipedia".utf8)) == 0x11E6_0398)
  }

  @Test func onePixelByHand() {
    let file = Array(PNG.encode(rgb: [10, 20, 30], width: 1, height: 1))
    #expect(Array(file.prefix(16)) == [137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13] + Array("IHDR".utf8))
    #expect(Array(file[16..<29]) == [0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0])
    // 15 bytes: zlib header, one final stored block of 4 (and its complement), filter 0 and the pixel,
    // then Adler-32 of 0, 10, 20, 30: a = 61, b = 1 + 11 + 31 + 61 = 104.
    #expect(Array(file[33..<41]) == [0, 0, 0, 15] + Array("IDAT".utf8))
    #expect(Array(file[41..<56]) == [0x78, 1, 1, 4, 0, 0xFB, 0xFF, 0, 10, 20, 30, 0, 104, 0, 61])
    #expect(Array(file.suffix(12)) == [0, 0, 0, 0] + Array("IEND".utf8) + [0xAE, 0x42, 0x60, 0x82])
  }

  @Test func longImagesTakeSeveralBlocks() {
    // 200 rows of 1 + 600 bytes are 120200 bytes: two blocks, of 65535 and 54665 bytes.
    let file = PNG.encode(rgb: [UInt8](repeating: 7, count: 120_000), width: 200, height: 200)
    #expect(file.count == 8 + 25 + (12 + 2 + 2 * 5 + 120_200 + 4) + 12)
  }

  @Test func aRowPerSceneAndATilePerFrame() {
    let config = TinyModel.config
    let pixels = config.width * config.height
    func frame(_ value: Float) -> Frame {
      Frame(
        rgb: [Float](repeating: value, count: 3 * pixels), disparity: [Float](repeating: value, count: pixels)
      )
    }
    let prediction = Prediction(frames: [frame(1), frame(1)], poses: [Pose(), Pose()])
    let sample = Evaluation.Sample(sceneSeed: 0, context: frame(0), truth: prediction, prediction: prediction)
    let png = Array(ContactSheet([sample, sample], config: config).png)
    // Context, 2 true, 2 predicted, 2 disparity: 7 tiles of 12 · 4 + 4 pixels; 2 rows of 8 · 4 + 4.
    #expect(Array(png[16..<24]) == [0, 0, 1, 108, 0, 0, 0, 72])
    // After chunk head, zlib and block heads and the filter byte: the context frame is black, the
    // first true frame white.
    let first = 41 + 2 + 5 + 1
    #expect(png[first] == 0 && png[first + 52 * 3] == 255)
  }
}
