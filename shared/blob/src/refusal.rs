//! Why a file is not taken, in words that tell how to mend it.

use crate::media::{Accept, MediaType};
use std::fmt;

/// What a file turned out to be when it is none of the kinds that the place takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Found {
    /// One of our kinds, in the wrong place.
    Known(MediaType),
    /// A program (Windows, Linux, macOS, shell script).
    Program,
    /// A zip archive, or 7z, RAR, gzip.
    Archive,
    /// A document of Word, PowerPoint, ODF and the like.
    OfficeDocument,
    /// A web page or SVG.
    WebPage,
    /// A picture of another kind: GIF, WebP, BMP, TIFF.
    OtherPicture,
    /// A picture of an iPhone (HEIC/HEIF) or AVIF.
    Heic,
    /// A film or recording of another kind: MOV, AVI, WebM, WAV, WMA …
    OtherMedia,
    /// Plain text.
    Text,
    /// Nothing that we know.
    Unknown,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(media) => write!(f, "{media} 檔"),
            Self::Program => f.write_str("程式（執行檔）"),
            Self::Archive => f.write_str("壓縮檔"),
            Self::OfficeDocument => f.write_str("Office 文件（Word、PowerPoint 等）"),
            Self::WebPage => f.write_str("網頁（HTML 或 SVG）"),
            Self::OtherPicture => f.write_str("其他格式的圖片（GIF、WebP、BMP 或 TIFF）"),
            Self::Heic => f.write_str("HEIC／AVIF 格式的照片"),
            Self::OtherMedia => f.write_str("其他格式的影音（MOV、AVI、WebM、WAV 等）"),
            Self::Text => f.write_str("純文字檔"),
            Self::Unknown => f.write_str("無法辨識的檔案"),
        }
    }
}

/// Why a file is not taken. `Display` is a sentence for the person who sent it, with the way out.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Refusal {
    /// No bytes at all.
    Empty,
    /// More bytes than this house ever takes.
    TooLarge {
        /// The size of the file, in bytes.
        bytes: u64,
        /// The most that is taken, in bytes.
        most: u64,
    },
    /// What arrived is not as long as what the browser announced.
    SizeDiffers {
        /// Bytes announced.
        declared: u64,
        /// Bytes that arrived.
        arrived: u64,
    },
    /// The content is of another kind than the place takes, whatever the name says.
    WrongType {
        /// What it is.
        found: Found,
        /// What the place takes.
        accept: Accept,
    },
    /// The file ends before its content does.
    Truncated(MediaType),
    /// The content contradicts itself.
    Damaged(MediaType),
    /// Bytes of something else follow the end of the file.
    TrailingData(MediaType),
    /// A PDF header that does not stand at the very beginning.
    PdfHeaderNotFirst,
    /// `startxref` leads to no cross-reference table.
    PdfNoCrossReference,
    /// No document catalogue: nothing to show.
    PdfNoRoot,
    /// A PDF that asks for a password.
    PdfLocked,
    /// More pixels than a picture may have.
    TooManyPixels {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The most that is taken.
        most: u64,
    },
    /// An MP4 without its index (`moov`): the recording was not finished.
    Mp4NoIndex,
    /// An MP4 with an index but without a track or media data.
    Mp4NoMedia,
    /// An MP3 without three consistent frames in a row.
    Mp3NoFrames,
    /// The workbook can only be opened with a password.
    WorkbookLocked,
    /// The workbook carries macros.
    WorkbookMacros,
    /// The workbook would unpack to an absurd size, or holds unsafe names.
    WorkbookUnsafe,
    /// A web page that calls itself xls, as some school systems export.
    WorkbookIsWebPage,
    /// Text whose characters are neither UTF-8 nor Big5.
    CsvNotText,
    /// The virus scanner found something.
    Infected,
    /// The check itself broke down over the content.
    Unreadable,
}

/// Bytes as people write them.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: u64 = 1024 * 1024;
        if self.0 < MIB {
            return write!(f, "{} 位元組", self.0);
        }
        // one decimal, rounded up, so that a file of 10 MB and one byte is not called 10.0 MB
        let tenths = (self.0 * 10).div_ceil(MIB);
        if tenths.is_multiple_of(10) {
            write!(f, "{} MB", tenths / 10)
        } else {
            write!(f, "{}.{} MB", tenths / 10, tenths % 10)
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("這個檔案是空的（0 位元組）。請打開檔案確認有內容，存檔後再上傳。"),
            Self::TooLarge { bytes, most } => {
                write!(f, "檔案有 {}，超過上限 {}。請壓縮或刪減內容後再上傳。", Size(*bytes), Size(*most))
            }
            Self::SizeDiffers { declared, arrived } => write!(
                f,
                "選取的檔案是 {declared} 位元組，收到的卻是 {arrived} 位元組，檔案可能在上傳途中被改動。請重新選取檔案再上傳。"
            ),
            Self::WrongType { found, accept } => wrong_type(f, *found, *accept),
            Self::Truncated(media) => {
                write!(f, "這個 {media} 檔不完整，結尾不見了。請重新下載或匯出完整的檔案，確認打得開後再上傳。")
            }
            Self::Damaged(media) => {
                write!(f, "這個 {media} 檔已損壞，無法讀取。請用原來的軟體打開並另存新檔，確認打得開後再上傳。")
            }
            Self::TrailingData(media) => {
                write!(f, "這個 {media} 檔的結尾之後還藏有其他資料。請用原來的軟體打開並另存新檔後再上傳。")
            }
            Self::PdfHeaderNotFirst => {
                f.write_str("這個 PDF 檔的開頭夾雜了其他資料。請打開檔案，用「列印」存成新的 PDF 後再上傳。")
            }
            Self::PdfNoCrossReference => {
                f.write_str("這個 PDF 檔的目錄已損壞。請打開檔案，用「列印」存成新的 PDF 後再上傳。")
            }
            Self::PdfNoRoot => f.write_str("這個 PDF 檔沒有可顯示的內容。請重新匯出 PDF，確認打得開後再上傳。"),
            Self::PdfLocked => f.write_str(
                "這個 PDF 檔要輸入密碼才打得開，老師無法閱讀。請打開檔案，用「列印」存成沒有密碼的 PDF 後再上傳。",
            ),
            Self::TooManyPixels { width, height, most } => {
                write!(f, "這張圖片有 {width} × {height} 像素，超過上限 {} 萬像素。請縮小圖片後再上傳。", most / 10_000)
            }
            Self::Mp4NoIndex => f.write_str(
                "這個 MP4 檔沒有影片索引（moov），通常是錄影未正常結束。請重新轉檔成 MP4，確認能播放後再上傳。",
            ),
            Self::Mp4NoMedia => f.write_str("這個 MP4 檔裡沒有影像或聲音。請重新匯出 MP4，確認能播放後再上傳。"),
            Self::Mp3NoFrames => f.write_str("這個 MP3 檔裡找不到連續的聲音。請重新匯出 MP3，確認能播放後再上傳。"),
            Self::WorkbookLocked => f.write_str("這個活頁簿設有密碼。請在 Excel 取消密碼保護，存檔後再上傳。"),
            Self::WorkbookMacros => {
                f.write_str("這個活頁簿含有巨集。請在 Excel 另存成不含巨集的「Excel 活頁簿（.xlsx）」後再上傳。")
            }
            Self::WorkbookUnsafe => {
                f.write_str("這個活頁簿的內部結構異常。請在 Excel 打開，另存成新的 .xlsx 後再上傳。")
            }
            Self::WorkbookIsWebPage => {
                f.write_str("這個 .xls 檔其實是網頁。請用 Excel 打開，另存成「Excel 活頁簿（.xlsx）」後再上傳。")
            }
            Self::CsvNotText => {
                f.write_str("這個 CSV 檔的文字編碼無法辨識。請在 Excel 另存成「CSV UTF-8（逗號分隔）」後再上傳。")
            }
            Self::Unreadable => {
                f.write_str("這個檔案的內容無法讀取。請用原來的軟體打開並另存新檔，確認打得開後再上傳。")
            }
            Self::Infected => f.write_str(
                "防毒掃描在這個檔案裡發現病毒，檔案沒有儲存。請先為你的電腦掃毒，再從原始內容重新產生檔案。",
            ),
        }
    }
}

fn wrong_type(f: &mut fmt::Formatter<'_>, found: Found, accept: Accept) -> fmt::Result {
    let mend = match (found, accept) {
        (_, Accept::Workbook) => "請用 Excel 另存成 .xlsx",
        (Found::OfficeDocument, _) => "請在原來的軟體裡另存成 PDF",
        (Found::Heic, _) => "請把照片轉存成 JPG（iPhone：設定 → 相機 → 格式 → 最相容）",
        (Found::OtherPicture, _) => "請把圖片另存成 JPG 或 PNG",
        (Found::OtherMedia, _) => "請把影音轉檔成 MP4 或 MP3",
        (Found::Archive, _) => "請解壓縮後上傳裡面的檔案",
        (Found::WebPage | Found::Text, _) => "請用「列印」存成 PDF",
        (Found::Known(_), _) => "請改到對應的欄位上傳",
        (Found::Program | Found::Unknown, _) => "請確認選對檔案；只改副檔名沒有用",
    };
    write!(f, "這個檔案的內容是{found}，這裡只收 {}。{mend}，再重新上傳。", accept.names())
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_what_is_wrong_and_how_to_mend_it() {
        let exe = Refusal::WrongType { found: Found::Program, accept: Accept::Document };
        assert_eq!(
            exe.to_string(),
            "這個檔案的內容是程式（執行檔），這裡只收 PDF、JPG、PNG。請確認選對檔案；只改副檔名沒有用，再重新上傳。"
        );
        let one_byte_over = Refusal::TooLarge { bytes: 10_485_761, most: 10_485_760 };
        assert!(one_byte_over.to_string().starts_with("檔案有 10.1 MB，超過上限 10 MB。"), "{one_byte_over}");
    }

    #[test]
    fn a_refusal_survives_being_written_down() {
        let refusal = Refusal::WrongType { found: Found::Known(MediaType::Mp4), accept: Accept::Document };
        let text = serde_json::to_string(&refusal).unwrap();
        assert_eq!(serde_json::from_str::<Refusal>(&text).unwrap(), refusal);
    }
}
