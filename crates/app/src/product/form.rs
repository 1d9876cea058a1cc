//! The form of a product.

use domain::error::{Reason, Violations};
use domain::product::{Changes, Description, Details, ImageUrl, Picture, Price, ProductName, Stock, Upload};
use domain::text::is_blank;

/// The form as it arrived; an absent field is empty.
#[derive(Default)]
pub struct ProductForm {
    pub name: String,
    pub description: String,
    pub price: String,
    pub stock: String,
    pub image: ImageField,
}

#[derive(Default)]
pub enum ImageField {
    #[default]
    Absent,
    Url(String),
    File(Upload),
}

/// The name of the field that holds an image's address.
const IMAGE_URL: &str = "image_url";

impl ProductForm {
    /// Parses the fields of a new product, without an uploaded file.
    pub(super) fn details(&self, wrong: &mut Violations) -> Option<Details> {
        let name = wrong.take("name", ProductName::parse(&self.name));
        let description = wrong.take("description", Description::parse(&self.description));
        let price = wrong.take("price", Price::parse(&self.price));
        let stock = wrong.take("stock", Stock::parse(&self.stock));
        let url = self.external(wrong);
        Some(Details {
            name: name?,
            description: description?,
            price: price?,
            stock: stock?,
            picture: url?.map_or(Picture::None, Picture::External),
        })
    }

    /// Parses the changes of a product, without an uploaded file.
    pub(super) fn changes(&self, wrong: &mut Violations) -> Option<Changes> {
        let name = wrong.take("name", given(&self.name, ProductName::parse));
        let description = wrong.take("description", given(&self.description, Description::parse));
        let price = wrong.take("price", given(&self.price, Price::parse));
        let stock = wrong.take("stock", given(&self.stock, Stock::parse));
        let url = self.external(wrong);
        Some(Changes {
            name: name?,
            description: description?,
            price: price?,
            stock: stock?,
            picture: url?.map(Picture::External),
        })
    }

    fn external(&self, wrong: &mut Violations) -> Option<Option<ImageUrl>> {
        match &self.image {
            ImageField::Url(url) => wrong.take(IMAGE_URL, given(url, ImageUrl::parse)),
            ImageField::Absent | ImageField::File(_) => Some(None),
        }
    }

    /// Records the only violation of a form that was cut off in its file: the fields after it are unknown.
    pub(super) fn is_cut_off(&self, wrong: &mut Violations) -> bool {
        let ImageField::File(upload) = &self.image else { return false };
        if upload.is_cut_off() {
            wrong.add(upload.field(), &Upload::too_large_reason());
        }
        upload.is_cut_off()
    }
}

fn given<T>(raw: &str, parse: impl FnOnce(&str) -> Result<T, Reason>) -> Result<Option<T>, Reason> {
    if is_blank(raw) { Ok(None) } else { parse(raw).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::error::{ErrorCode, ViolationCode};

    fn form(name: &str, description: &str, price: &str, stock: &str) -> ProductForm {
        let [name, description, price, stock] = [name, description, price, stock].map(str::to_owned);
        ProductForm { name, description, price, stock, image: ImageField::Absent }
    }

    fn told(form: &ProductForm) -> String {
        let mut wrong = Violations::default();
        assert!(form.details(&mut wrong).is_none());
        wrong.into_error(ErrorCode::InvalidRequest).to_string()
    }

    #[test]
    fn the_message_is_the_one_that_go_would_have_given() {
        assert_eq!(told(&form("", "", "", "")), "name is empty");
        assert_eq!(told(&form("Tea", "", "0", "")), "description is empty");
        assert_eq!(told(&form("Tea", "Green", "abc", "")), "price is empty or invalid");
        assert_eq!(told(&form("Tea", "Green", "1", "")), "stock is empty");
        assert_eq!(told(&form("Tea", "Green", "-1", "")), "price is empty or invalid");
        assert_eq!(told(&form("Tea", "Green", "0", "-1")), "price is empty or invalid");
        assert_eq!(told(&form("Tea", "Green", "1", "-1")), "product stock cannot be negative");
    }

    #[test]
    fn an_explicit_zero_is_a_stock() {
        let details = form("Tea", "Green", "1", "0").details(&mut Violations::default()).unwrap();
        assert_eq!(details.stock.count(), 0);
    }

    #[test]
    fn what_is_blank_does_not_change() {
        let changes = form("", " ", "\u{200E}", "").changes(&mut Violations::default()).unwrap();
        assert!(changes.is_empty());
        let changes = form("", "", "2.5", "").changes(&mut Violations::default()).unwrap();
        assert_eq!(changes, Changes { price: Some(Price::parse("2.50").unwrap()), ..Changes::default() });
    }

    #[test]
    fn all_that_is_wrong_is_told_in_the_order_of_the_fields() {
        let mut wrong = Violations::default();
        let bad = ProductForm { image: ImageField::Url("nowhere".to_owned()), ..form("", "", "-1", "x") };
        assert!(bad.details(&mut wrong).is_none());
        let error = wrong.into_error(ErrorCode::InvalidRequest);
        let told: Vec<_> = error.violations().iter().map(|wrong| (wrong.field(), wrong.code())).collect();
        let expected = [
            ("name", ViolationCode::Empty),
            ("description", ViolationCode::Empty),
            ("price", ViolationCode::NotPositive),
            ("stock", ViolationCode::InvalidNumber),
            ("image_url", ViolationCode::InvalidUrl),
        ];
        assert_eq!(told, expected);
    }
}
